"""The token endpoint: what is asked, and what its answers mean."""
