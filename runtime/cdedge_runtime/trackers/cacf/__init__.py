"""CACF (Mueller et al. 2017)."""
