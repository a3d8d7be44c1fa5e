"""Readers of tracking benchmarks, one file per layout."""

from .load import KINDS, load_dataset

__all__ = ["KINDS", "load_dataset"]
