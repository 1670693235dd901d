"""The provider's other endpoints, as data."""
