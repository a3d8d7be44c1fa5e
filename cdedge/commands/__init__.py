"""The commands: each file parses, calls one function, and renders its value."""
