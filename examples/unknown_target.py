"""Targets that nobody knows at the desk: python examples/unknown_target.py generic.onnx clip.mp4 10,20,50,60

At the desk, once, a file for any target: cdedge export --generic -o generic.onnx
On the device it keeps the channels that suit the target it is given. One distilled at the desk is smaller and faster.
"""

import sys

from cdedge_runtime import Box, open_source, open_tracker

if len(sys.argv) < 4:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
model, source, box = sys.argv[1:4]
tracker = open_tracker(model)
for number, frame in enumerate(open_source(source).frames()):
    estimate = tracker.update(frame) if number else tracker.init(frame, Box(*map(float, box.split(","))))
    print(number, *(f"{value:.1f}" for value in estimate.box), f"{estimate.score:.2f}")
