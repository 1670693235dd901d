"""What the stores in SQL share, beside their SQL."""
