"""What a terminal is shown: tables, progress, stages, scores, a video with boxes.

May import: the packages below; never a command.
"""
