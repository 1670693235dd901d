"""Keeping links warm and alive while nobody asks for them."""
