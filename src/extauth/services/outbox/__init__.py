"""Telling the application what happened to its users' links."""
