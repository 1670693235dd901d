"""Moving links between a store and other places."""
