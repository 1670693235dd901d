"""One request on the wire, and what came back of it."""
