"""Network policies: what they say in one language for every dialect, and what follows from all of them together."""
