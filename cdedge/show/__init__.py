"""What a terminal is shown: tables, progress, stages, a video with boxes.

May import: the packages below, and nothing of the front door but its small modules.
"""
