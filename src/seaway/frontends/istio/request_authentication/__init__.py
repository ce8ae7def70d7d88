"""RequestAuthentications: whose JSON web tokens are believed."""
