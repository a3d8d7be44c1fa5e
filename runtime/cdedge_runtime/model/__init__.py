"""The model file: its contract, the session that runs its graph, HOG where it has none, and execution providers.

May import: errors, files, record and estimate beside it. A tracker of its own name is found through `trackers`.
"""
