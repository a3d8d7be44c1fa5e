"""Meters: time per stage, memory of a fresh process, long runs, prediction, and the conditions they were taken under.

May import: everything else of the runtime; nothing of it imports this room.
"""
