"""The command ``extauth demo``: real processes storm one provider."""
