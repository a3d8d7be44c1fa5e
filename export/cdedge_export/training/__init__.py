"""Training of the bundled weights: VGG-19's first three convolutions, made for correlation filters.

``python -m cdedge_export.training --data DIR -o FILE`` repeats it; ``docs/weights.md`` says what came out.
"""
