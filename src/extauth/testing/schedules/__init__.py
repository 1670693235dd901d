"""Concurrent refreshes whose order is data: drawn at random, or walked whole."""
