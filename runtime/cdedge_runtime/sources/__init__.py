"""Where frames and first boxes come from: recordings, folders, cameras, streams, annotations, the demo clip.

May import: the top of the package only.
"""
