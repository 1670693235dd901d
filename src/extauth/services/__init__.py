"""Orchestration over the ports; imports the domain only."""
