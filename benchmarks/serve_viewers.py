"""The tracker's frame rate in ``cdedge serve`` with no, one and five viewers, and with one that takes nothing.

    python benchmarks/serve_viewers.py MODEL [ROUNDS]

The demo clip is tracked as fast as it goes (its frame rate is not kept), on one thread; viewers are processes of their
own that ask for pictures as the page does. Windows of a second follow each other in turns, so that a change of the
machine's load meets all cases; what counts where others use the machine is the ratio to the round's own "none", and the
processor's time that the loop's thread takes per frame.
"""

from __future__ import annotations

import http.client
import multiprocessing
import os
import socket
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

import cv2

from cdedge.serve.listening import listening
from cdedge.serve.session import Session
from cdedge.serve.site import Site
from cdedge.serve.viewers import Viewers
from cdedge_runtime.sources.demo import Clip
from cdedge_runtime.sources.frames import Source
from cdedge_runtime.targets import open_targets

WINDOW_S, SETTLE_S = 1.0, 0.4
CASES = (("none", 0), ("one", 1), ("five", 5), ("stuck", 0))


def look_on(address: str, name: str, looks: Event) -> None:
    """Ask for the newest picture, again and again, on one connection, while the event is set."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    while True:
        looks.wait()
        try:
            connection.request("GET", f"/frame?viewer={name}&after=0&width=960")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):  # closed while it did not look
            connection.close()


def stuck(address: str) -> socket.socket:
    """A viewer that asks for a hundred pictures and reads none."""
    parts = urlsplit(address)
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.sendall(b"GET /frame HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
    return connection


@dataclass(frozen=True)
class Window:
    """Frames per second, and the processor's time per frame."""

    fps: float
    cpu_ms: float


def window(session: Session, clock: int) -> Window:
    """One window, from the loop's own numbers and its thread's clock."""
    time.sleep(SETTLE_S)
    first, begin, used = session.board.shown().state.view, time.perf_counter(), time.clock_gettime(clock)
    time.sleep(WINDOW_S)
    frames = session.board.shown().state.view - first
    cpu_ms = 1e3 * (time.clock_gettime(clock) - used)
    return Window(frames / (time.perf_counter() - begin), cpu_ms / frames)


def measure(session: Session, clock: int, address: str, rounds: int) -> dict[str, list[Window]]:
    """The windows of each case, one per round."""
    rates: dict[str, list[Window]] = {name: [] for name, _ in CASES}
    events = [multiprocessing.Event() for _ in range(max(count for _, count in CASES))]
    looking = [multiprocessing.Process(target=look_on, args=(address, f"v{i}", e)) for i, e in enumerate(events)]
    for process in looking:
        process.start()
    time.sleep(1.0)
    try:
        for _ in range(rounds):
            for name, count in CASES:
                with ExitStack() as stack:
                    if name == "stuck":
                        stack.enter_context(stuck(address))
                    for event in events[:count]:
                        event.set()
                        stack.callback(event.clear)
                    rates[name].append(window(session, clock))
    finally:
        for process in looking:
            process.terminate()
            process.join()
    return rates


def main(model: Path, rounds: int) -> None:
    """Measure and print."""
    cv2.setNumThreads(1)
    clip = Clip()
    frames = [clip.frame(i) for i in range(120)]
    watched = Viewers()
    source = Source("demo", lambda: iter(frames), fps=1e6)
    targets = open_targets(model, threads=1)
    session = Session(source, targets, watched, model=model.name, first=lambda _: clip.box(0), loop=True)
    loop = threading.Thread(target=session.run)
    with listening(Site(session, watched), "127.0.0.1", 0) as address:
        loop.start()
        try:
            rates = measure(session, time.pthread_getcpuclockid(loop.ident or 0), address, rounds)
        finally:
            session.close()
            loop.join()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, {rounds} rounds")
    for name, found in rates.items():
        ratios = [one.fps / none.fps for one, none in zip(found, rates["none"], strict=True)]
        low, middle, high = quantiles(ratios, n=4)
        fps, cpu_ms = median(one.fps for one in found), median(one.cpu_ms for one in found)
        print(f"{name:6} {fps:6.0f} fps, ratio {middle:.2f} (quartiles {low:.2f}, {high:.2f}); {cpu_ms:.2f} ms a frame")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 25)
