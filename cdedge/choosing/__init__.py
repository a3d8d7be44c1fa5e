"""How a target is chosen in a first frame, and what is looked at before its box is used."""
