"""A session that runs beside a test, and the sources and targets it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from cdedge.serve.listening import listening
from cdedge.serve.session import Session
from cdedge.serve.site import Site
from cdedge.serve.state import State
from cdedge.serve.targets import Targets
from cdedge.serve.viewers import Viewers
from cdedge_runtime.box import Box, check_target
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.sources.frames import Frame, Source

SHAPE = (60, 80, 3)


def numbered(count: int, fps: float | None = 1000.0) -> Source:
    """A recording whose frames are as bright as their numbers."""
    return Source("clip", lambda: (np.full(SHAPE, i % 256, np.uint8) for i in range(count)), count=count, fps=fps)


class Stub:
    """Targets that move to the right by a pixel a frame; what was called is kept."""

    def __init__(self) -> None:
        self.boxes: dict[int, Box] = {}
        self.started: list[tuple[int, int]] = []

    def start(self, number: int, frame: Frame, box: Box) -> Estimate:
        check_target(box, frame.shape)
        self.started.append((number, int(frame[0, 0, 0])))
        self.boxes[number] = box
        return Estimate(box, float("inf"), lost=False)

    def update(self, frame: Frame) -> dict[int, Estimate]:  # noqa: ARG002
        self.boxes = {n: Box(b.x + 1, b.y, b.width, b.height) for n, b in self.boxes.items()}
        return {number: Estimate(box, 9.5, lost=False) for number, box in self.boxes.items()}

    def stop(self, number: int) -> None:
        del self.boxes[number]


@dataclass(frozen=True)
class Running:
    """A session that runs, where it is served, and who looks on."""

    session: Session
    address: str
    viewers: Viewers

    def until(self, wanted, timeout_s: float = 20.0) -> State:  # type: ignore[no-untyped-def]
        """The first state that ``wanted`` finds right."""
        view, end = self.session.board.newest(), time.monotonic() + timeout_s
        while time.monotonic() < end:
            if view is not None and wanted(view.state):
                return view.state
            view = self.session.board.newer_than(0 if view is None else view.state.view, 1.0) or view
        raise AssertionError("the state that was waited for never came")


@contextmanager
def serving(
    source: Source,
    targets: Targets,
    *,
    model: str | None = "m.onnx",
    token: str | None = None,
    port: int = 0,
    **options: object,
) -> Iterator[Running]:
    """Run a session on loopback; what ends it is raised again at the end."""
    viewers = Viewers()
    session = Session(source, targets, viewers, model=model, **options)  # type: ignore[arg-type]
    broken: list[BaseException] = []

    def run() -> None:
        try:
            session.run()
        except BaseException as error:  # noqa: BLE001 - raised again in the test
            broken.append(error)

    loop = threading.Thread(target=run)
    with listening(Site(session, viewers, token), "127.0.0.1", port) as address:
        loop.start()
        try:
            yield Running(session, address, viewers)
        finally:
            session.close()
            loop.join(20)
    assert not loop.is_alive()
    if broken:
        raise broken[0]
