"""Networks: backbones and their weights, and pruned ones as values that PyTorch can run.

May import: the runtime only.
"""
