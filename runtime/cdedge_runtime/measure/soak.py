"""A long run in a fresh process that reports its own memory, handles, threads and latency as it goes.

The measured process keeps no sample: it prints each one, and this side collects them.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput, CdedgeError
from cdedge_runtime.estimate import ModelTracker
from cdedge_runtime.image import Frame
from cdedge_runtime.measure.meters import memory_now
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.record import decode, encode
from cdedge_runtime.run import starting_box
from cdedge_runtime.sources.frames import Source, open_source

from . import child

KEPT_FRAMES_BYTES = 160_000_000
_HANDLES = Path("/proc/self/fd")
_THREADS = Path("/proc/self/task")


@dataclass(frozen=True)
class SoakRequest:
    """What to run, as in `probe.Request`; it ends after ``frames`` or ``seconds``, whichever comes first."""

    model: str
    source: str | None
    box: tuple[float, float, float, float] | None
    frames: int | None
    seconds: float | None
    every: int
    provider: str
    threads: int | None


@dataclass(frozen=True)
class Sample:
    """After so many frames: memory, open handles, threads (None: /proc does not tell), and the latest latency.

    latency_ms: median time per frame, without reading it, since the last sample.
    """

    frame: int
    seconds: float
    rss_bytes: int | None
    pss_bytes: int | None
    handles: int | None
    threads: int | None
    latency_ms: float


def watch(request: SoakRequest, see: Callable[[Sample], None]) -> None:
    """Run the request in a fresh process and hand on its samples; raises what it met, or that it died."""
    with child.start("cdedge_runtime.measure.soak") as process:
        errors: list[str] = []
        reader = threading.Thread(target=_collect, args=(process.stderr, errors), daemon=True)
        reader.start()
        try:
            _hand_over(process.stdin, request)
            for line in process.stdout or ():
                see(decode(Sample, json.loads(line)))
        except BaseException:
            process.kill()
            raise
        finally:
            reader.join()
    if process.returncode:
        raise child.failure(process.returncode, "".join(errors), Path(request.model))


def _hand_over(stdin: IO[str] | None, request: SoakRequest) -> None:
    if stdin is not None:
        stdin.write(json.dumps(encode(request)))
        stdin.close()


def _collect(stream: IO[str] | None, lines: list[str]) -> None:
    lines.extend(stream or ())


def run(tracker: ModelTracker, source: Source, request: SoakRequest, see: Callable[[Sample], None]) -> None:
    """Track through the source again and again; every ``request.every`` frames, ``see`` a sample."""
    given = Box(*request.box) if request.box else None
    find = starting_box(source, tracker.spec, given)
    taken_ms = np.zeros(request.every)
    begin = time.perf_counter()
    for done, (first, frame) in enumerate(_endless(source), 1):
        start = time.perf_counter()
        if first:
            tracker.init(frame, find(frame))
        else:
            tracker.update(frame)
        now = time.perf_counter()
        taken_ms[done % request.every] = (now - start) * 1e3
        if done % request.every == 0:
            see(_sample(done, now - begin, float(np.median(taken_ms))))
        if done == request.frames or (request.seconds is not None and now - begin >= request.seconds):
            return


def _endless(source: Source) -> Iterator[tuple[bool, Frame]]:
    """(is the first of a lap, frame) over and over; a live source runs once."""
    kept = _kept(source)
    while True:
        empty = True
        for index, frame in enumerate(source.frames() if kept is None else kept):
            empty = False
            yield index == 0, frame
        if source.live:
            return
        if empty:
            raise BadInput(f"{source.name}: it has no frames to run in a loop")


def _kept(source: Source) -> list[Frame] | None:
    """All frames, where they are known to be small enough; else they are read again in every lap."""
    if source.live or source.count is None:
        return None
    first = next(source.frames(), None)
    if first is None or first.nbytes * source.count > KEPT_FRAMES_BYTES:
        return None
    most = KEPT_FRAMES_BYTES // first.nbytes  # a count is an estimate
    frames = list(islice(source.frames(), most + 1))
    return frames if len(frames) <= most else None


def _sample(frame: int, seconds: float, latency_ms: float) -> Sample:
    memory = memory_now()
    return Sample(
        frame, seconds, memory.rss_bytes, memory.pss_bytes, _entries(_HANDLES), _entries(_THREADS), latency_ms
    )


def _entries(folder: Path) -> int | None:
    try:
        return sum(1 for _ in folder.iterdir())
    except OSError:
        return None


def _print(sample: Sample) -> None:
    sys.stdout.write(json.dumps(encode(sample)) + "\n")
    sys.stdout.flush()


def _main() -> None:
    request = decode(SoakRequest, json.loads(sys.stdin.read()))
    cv2.setNumThreads(request.threads or 0)
    try:
        tracker = open_tracker(Path(request.model), provider=request.provider, threads=request.threads)
        run(tracker, open_source(request.source), request, _print)
    except CdedgeError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from error


if __name__ == "__main__":
    _main()
