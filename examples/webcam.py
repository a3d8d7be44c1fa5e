"""Follow what is in the middle of the picture: python examples/webcam.py car.onnx 0"""

import sys

from cdedge_runtime import open_source, open_tracker

if len(sys.argv) < 2:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
tracker = open_tracker(sys.argv[1])
for number, frame in enumerate(open_source(sys.argv[2] if len(sys.argv) > 2 else None).frames()):
    if number == 0:
        height, width = frame.shape[:2]
        estimate = tracker.init(frame, (0.4 * width, 0.4 * height, 0.2 * width, 0.2 * height))
    else:
        estimate = tracker.update(frame)
    x, y, w, h = estimate.box
    print(f"{number} {x:.0f} {y:.0f} {w:.0f} {h:.0f} {estimate.score:.2f}", "lost" * estimate.lost, flush=True)
