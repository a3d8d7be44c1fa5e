"""Where a target was lost, and how fast it went: python examples/boxes_in_pandas.py boxes.csv

The file comes from: cdedge track car.onnx car.mp4 -o boxes.csv
"""

import sys

import pandas

if len(sys.argv) < 2:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
boxes = pandas.read_csv(sys.argv[1]).set_index(["id", "frame"])
boxes["speed_px"] = boxes.groupby("id")[["x", "y"]].diff().pow(2).sum(axis=1).pow(0.5)
for number, target in boxes.groupby("id"):
    lost = target.index.get_level_values("frame")[target["lost"] == 1]
    print(f"target {number}: {len(target)} frames, {len(lost)} lost, {target['speed_px'].mean():.1f} px a frame")
