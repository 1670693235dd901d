"""What an authorization server knows and does, without any I/O."""
