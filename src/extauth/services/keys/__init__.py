"""Looking after the keys that stored secrets are encrypted with."""
