"""JSON schemas of everything that ``--json`` prints: ``python -m cdedge.schemas docs/schemas`` writes them."""
