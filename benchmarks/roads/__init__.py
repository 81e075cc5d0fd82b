"""Street networks and travel matrices, measured beside named peers."""
