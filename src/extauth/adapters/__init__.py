"""One technology a module; imports the domain only."""
