"""Handing out access tokens that work: one refresh of a link at a time, whoever asks."""
