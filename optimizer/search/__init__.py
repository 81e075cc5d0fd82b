"""How plans are found."""
