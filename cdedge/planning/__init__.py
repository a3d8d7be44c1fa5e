"""Searching what to export for a budget of memory and time."""
