"""The parts of the authorization server: its endpoints, what it remembers, and its quirks."""
