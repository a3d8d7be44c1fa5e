"""The correlation filter: transforms, labels, peaks, the compact filter and its samples, scale and confidence.

Pure numpy. May import: errors and box beside it, and the patch that scale cuts for itself.
"""
