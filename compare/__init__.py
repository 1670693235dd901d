"""``make compare``: extauth beside other ways to keep users' tokens, against one strict server."""
