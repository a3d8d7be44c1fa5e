"""ONNX graphs: built, converted, costed, written whole and checked against PyTorch.

May import: `network`.
"""
