"""Measurements of a process: its time, its memory, its conditions; benchmarks and long runs."""
