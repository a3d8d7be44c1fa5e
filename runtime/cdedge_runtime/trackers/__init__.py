"""The trackers, a folder each, and how a model file becomes the one it is for.

May import: `filter`, `model` and the top of the package; never `sources` or `measure`.
"""
