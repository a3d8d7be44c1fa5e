"""Any network as an ONNX file: its taps, and the part of it that some of a tap's channels need. Needs no PyTorch.

`open_graph` -> `taps` -> `features` -> `pruned_part` -> `baked`; `embedded` for several networks
in one file.

May import: `network`, `graph`; of these nothing that imports PyTorch.
"""
