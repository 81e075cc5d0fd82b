"""How fast readings come in, and what is left of them when the server is killed."""
