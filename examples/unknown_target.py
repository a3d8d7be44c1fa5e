"""Targets that nobody knows at the desk: python examples/unknown_target.py generic.onnx clip.mp4 10,20,50,60

At the desk, once, a file with every channel, made on any video: cdedge export --no-distill -o generic.onnx
It learns its target on the device, from the box it is given. A file distilled for the target is smaller and faster.
"""

import sys

from cdedge_runtime import Box, open_source, open_tracker

model, source, box = sys.argv[1:4]
tracker = open_tracker(model)
for number, frame in enumerate(open_source(source).frames()):
    estimate = tracker.update(frame) if number else tracker.init(frame, Box(*map(float, box.split(","))))
    print(number, *(f"{value:.1f}" for value in estimate.box), f"{estimate.score:.2f}")
