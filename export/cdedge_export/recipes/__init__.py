"""One recipe per tracker: its window, how it chooses, its network, the options that mean something to it.

May import: `network`, `choose`, `graph` and the top of the package.
"""
