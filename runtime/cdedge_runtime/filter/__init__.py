"""The correlation filter: transforms, labels, peaks, the compact filter, its samples, and scale, which looks at HOG.

Pure numpy. May import: errors and box beside it, and the patch that scale cuts for itself.
"""
