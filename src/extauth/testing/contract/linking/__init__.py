"""The contract of what connecting users needs of a store."""
