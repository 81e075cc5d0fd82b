"""How good the plans are, on instances that others have published with their results."""
