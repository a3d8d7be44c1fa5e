"""cdedge: distil, export, track and measure deep correlation-filter trackers."""
