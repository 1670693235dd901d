"""Providers in memory that answer as a test says."""
