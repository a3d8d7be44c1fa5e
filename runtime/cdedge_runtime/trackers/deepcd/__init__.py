"""DeepCD: the paper's tracker on a compact filter."""
