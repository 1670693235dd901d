"""How links are doing."""
