"""Evaluation of trackers on benchmarks: data sets, metrics, result files."""
