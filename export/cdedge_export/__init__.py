"""cdedge at the desk: distil, prune and export a backbone (needs the extra export)."""
