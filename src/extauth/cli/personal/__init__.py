"""One person with links of their own: a file that says their clients, and a store in their home."""
