"""A small data set in VOT's layout, and the official toolkit run on it in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from cdedge_runtime.box import Box
from tests.conftest import MovingSquare

STACK = """\
title: small
experiments:
  baseline:
    type: supervised
    repetitions: 15
    skip_initialize: 5
    analyses:
      - type: supervised_average_ar
        sensitivity: 30
      - type: supervised_eao_score
        low: 3
        high: 12
  realtime:
    type: supervised
    realtime:
      grace: 3
    skip_initialize: 5
  unsupervised:
    type: unsupervised
    analyses:
      - type: average_accuracy
"""


def polygon(box: Box) -> str:
    """The four corners of a box as a VOT polygon."""
    right, bottom = box.x + box.width, box.y + box.height
    corners = (box.x, box.y, right, box.y, right, bottom, box.x, bottom)
    return ",".join(f"{v:g}" for v in corners)


def rectangle(box: Box) -> str:
    """A box as a VOT rectangle."""
    return f"{box.x:g},{box.y:g},{box.width:g},{box.height:g}"


def write_sequence(folder: Path, order: Sequence[int], region: Callable[[Box], str]) -> None:
    """The frames ``order`` of the moving square as color/%08d.jpg, groundtruth.txt and sequence."""
    clip = MovingSquare()
    (folder / "color").mkdir(parents=True)
    for number, index in enumerate(order, 1):
        cv2.imwrite(str(folder / "color" / f"{number:08d}.jpg"), clip.frame(index))
    (folder / "groundtruth.txt").write_text("".join(region(clip.box(i)) + "\n" for i in order))
    lines = ["fps=30", "format=default", "channel.default=color", "channels.color=color/%08d.jpg"]
    (folder / "sequence").write_text("\n".join(lines) + "\n")


def write_dataset(sequences: Path) -> None:
    """``straight``: 25 frames, polygons. ``jump``: rectangles; the target leaps once, out of any window."""
    write_sequence(sequences / "straight", range(25), polygon)
    write_sequence(sequences / "jump", [*range(15), *range(39, 24, -1)], rectangle)
    (sequences / "list.txt").write_text("straight\njump\n")


def run_toolkit(*arguments: object) -> str:
    """Run ``vot`` without a network; return what it said."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "VOT_RESULTS_BINARY": "false",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-m", "vot", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said
