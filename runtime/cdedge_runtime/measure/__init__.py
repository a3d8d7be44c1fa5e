"""Meters: memory, benchmarks in fresh processes, long runs, prediction, and the conditions they were taken under.

May import: everything else of the runtime; nothing of it imports this room.
"""
