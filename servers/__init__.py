"""``make servers``: extauth against authorization servers that other people wrote."""
