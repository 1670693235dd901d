"""The ``extauth`` command."""
