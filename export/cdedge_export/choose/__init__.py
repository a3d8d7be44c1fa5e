"""Channel distillation: which channels a target needs; numpy on feature maps.

May import: the runtime only.
"""
