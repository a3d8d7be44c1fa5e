"""Training of the weights that are ours.

``python -m cdedge_export.training front`` trains VGG-19's first three convolutions for correlation filters, ``deep``
trains ``cdedge_deep`` after a teacher, ``head`` the box head ``cdedge_head`` on its maps; ``docs/studies/weights.md``
says what came out.
"""
