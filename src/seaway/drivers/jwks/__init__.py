"""Key sets of token issuers, fetched from where they are published."""
