"""What a run says of each frame, written and flushed line by line: a killed run leaves what it said."""

from __future__ import annotations

import json
import math
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from cdedge.outputs import STDOUT
from cdedge_runtime.errors import BadEnvironment
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.files import opened_alone
from cdedge_runtime.image import Frame
from cdedge_runtime.run import Observer, box_line
from cdedge_runtime.sources.frames import Source

_CSV_HEAD = "frame,time,id,x,y,width,height,score,lost\n"

Seen = Callable[[Estimate], Mapping[int, Estimate]]
Line = Callable[[int, float | None, Estimate], str]


def alone(estimate: Estimate) -> Mapping[int, Estimate]:
    """The only target, by its number."""
    return {1: estimate}


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
        try:
            if path == STDOUT:
                sys.stdout.write(text if index else head + text)
                sys.stdout.flush()
                return
            if file is None:
                file = opened_alone(path)
                _append(file, head)
            _append(file, text)
        except BrokenPipeError:
            raise
        except OSError as error:
            name = "standard output" if path == STDOUT else path
            raise BadEnvironment(
                f"{name}: cannot be written: {error.strerror}; the lines before frame {index} are kept"
            ) from error

    try:
        yield write
    finally:
        if file is not None:
            file.close()


def boxes_to(path: Path, source: Source, seen: Seen = alone) -> tuple[Line, str]:
    """The lines of ``-o``, and what comes before them: a table for ``.csv``, else ``x,y,w,h`` of one target alone."""
    if path.suffix.lower() == ".csv":
        return lambda index, at, said: _csv(index, at, seen(said), source.origin), _CSV_HEAD
    return lambda _index, _at, said: box_line(said.box, source.origin), ""


def json_line(origin: int, seen: Seen = alone) -> Line:
    """The lines of ``--jsonl``: frame, time in seconds, and the targets with id, box, score and whether it is lost."""

    def line(index: int, at: float | None, said: Estimate) -> str:
        targets = [_target(number, each, origin) for number, each in seen(said).items()]
        return json.dumps({"frame": index, "time": at, "targets": targets}) + "\n"

    return line


def _target(number: int, said: Estimate, origin: int) -> dict[str, Any]:
    box, score = said.box, said.score
    numbers = [round(v, 3) for v in (box.x + origin, box.y + origin, box.width, box.height)]
    return {"id": number, "box": numbers, "score": score if math.isfinite(score) else None, "lost": said.lost}


def _csv(index: int, at: float | None, seen: Mapping[int, Estimate], origin: int) -> str:
    rows = []
    for number, said in seen.items():
        score = f"{said.score:.4f}" if math.isfinite(said.score) else ""
        box = box_line(said.box, origin).strip()
        rows.append(f"{index},{'' if at is None else at},{number},{box},{score},{int(said.lost)}\n")
    return "".join(rows)


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
