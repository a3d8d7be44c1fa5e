"""MDNet: candidates told apart by layers that are trained while tracking."""
