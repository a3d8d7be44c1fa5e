"""CF2 (Ma et al. 2015)."""
