"""Connecting users to providers, and disconnecting them."""
