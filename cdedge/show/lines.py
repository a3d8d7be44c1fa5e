"""What a run says of each frame, written and flushed line by line: a killed run leaves what it said."""

from __future__ import annotations

import json
import math
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cdedge.outputs import STDOUT
from cdedge_runtime.errors import BadEnvironment
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.image import Frame
from cdedge_runtime.run import Observer, box_line
from cdedge_runtime.sources.frames import Source

_TARGET = 1  # the number of the only target
_CSV_HEAD = "frame,time,id,x,y,width,height,score,lost\n"

Line = Callable[[int, float | None, Estimate], str]


@contextmanager
def writing(path: Path, line: Line, source: Source, *, head: str = "") -> Iterator[Observer]:
    """An observer that writes one line a frame to ``path`` (``-``: standard output), from the first frame on.

    A disk that is full ends the run: the observer raises `BadEnvironment`, and the whole lines written stay.
    """
    file: BinaryIO | None = None
    clock = _clock(source)

    def write(index: int, _frame: Frame, estimate: Estimate) -> None:
        nonlocal file
        text = line(index, clock(index), estimate)
        if path == STDOUT:
            sys.stdout.write(text if index else head + text)
            sys.stdout.flush()
            return
        try:
            if file is None:
                file = path.open("wb", buffering=0)
                _append(file, head)
            _append(file, text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise BadEnvironment(
                f"{path}: cannot be written: {error.strerror}; the lines up to frame {index} are there"
            ) from error

    try:
        yield write
    finally:
        if file is not None:
            file.close()


def boxes_to(path: Path, source: Source) -> tuple[Line, str]:
    """The lines of ``-o``, and what comes before them: a table for ``.csv``, else ``x,y,w,h`` alone."""
    if path.suffix.lower() == ".csv":
        return lambda index, at, estimate: _csv(index, at, estimate, source.origin), _CSV_HEAD
    return lambda _index, _at, estimate: box_line(estimate.box, source.origin), ""


def json_line(origin: int) -> Line:
    """The lines of ``--jsonl``: frame, time in seconds, and the targets with id, box, score and whether it is lost."""

    def line(index: int, at: float | None, estimate: Estimate) -> str:
        box, score = estimate.box, estimate.score
        numbers = [round(v, 3) for v in (box.x + origin, box.y + origin, box.width, box.height)]
        target = {"id": _TARGET, "box": numbers, "score": score if math.isfinite(score) else None}
        return json.dumps({"frame": index, "time": at, "targets": [{**target, "lost": estimate.lost}]}) + "\n"

    return line


def _csv(index: int, at: float | None, estimate: Estimate, origin: int) -> str:
    score = f"{estimate.score:.4f}" if math.isfinite(estimate.score) else ""
    box = box_line(estimate.box, origin).strip()
    return f"{index},{'' if at is None else at},{_TARGET},{box},{score},{int(estimate.lost)}\n"


def _clock(source: Source) -> Callable[[int], float | None]:
    """Seconds of a frame: its place in a recording, else since the first frame, by a clock that is never set."""
    if not source.live:
        fps = source.fps
        return lambda index: None if fps is None else round(index / fps, 6)
    start: float | None = None

    def now(_index: int) -> float:
        nonlocal start
        start = time.perf_counter() if start is None else start
        return round(time.perf_counter() - start, 6)

    return now


def _append(file: BinaryIO, text: str) -> None:
    """Write a line, all of it or none."""
    data, written = text.encode(), 0
    try:
        while written < len(data):
            written += file.write(data[written:])
    except OSError:
        if written and stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.truncate(file.tell() - written)
        raise
