"""ECO: a factorised, spatially penalised correlation filter on a mixture of samples."""
