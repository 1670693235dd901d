"""Who the client is, and how it proves that."""
