"""Reading what a provider answered: JSON, forms, JWTs and headers. Pure."""
