"""One loop over a source: frame -> targets -> view. Whoever looks on or asks for something does so from elsewhere."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LateAnswer
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput, CdedgeError
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.image import Frame
from cdedge_runtime.measure.memory import resident_bytes
from cdedge_runtime.sources.frames import Source
from cdedge_runtime.sources.latest import Latest

from .state import State, Status, target_state
from .targets import Targets
from .view import Board, View
from .viewers import Viewers

T = TypeVar("T")
MOST_TARGETS = 16
_DEFAULT_FPS = 30.0  # of a folder of images, which does not say
_ANSWER_S = 10.0  # a request waits so long for a loop that waits for its source
_TICK_S = 1.0  # a session that stands still tells its figures so often
_PATIENCE_S = 0.5  # a live source that gives nothing for so long is shown as silent, and requests are done
_RATE_S = 2.0


@dataclass(frozen=True)
class Chosen:
    """A target's box and the number of the frame it was drawn on."""

    frame: int
    box: Box


class Rate:
    """Frames of the last two seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def add(self, now_s: float) -> None:
        """Count a frame."""
        self._times.append(now_s)
        while self._times[0] < now_s - _RATE_S:
            self._times.popleft()

    def per_second(self) -> float | None:
        """Frames per second; None for fewer than three."""
        if len(self._times) < 3:
            return None
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])

    def clear(self) -> None:
        """Forget what was, after a pause."""
        self._times.clear()


class Session:
    """Follows targets through a source until it is closed; what other threads ask for is done between two frames.

    A recording (or pipe) waits at its first frame for a target. A recording then plays at its frame rate and, with
    ``loop``, again and again; each target begins again on the frame it was drawn on. ``first`` finds a target in the
    very first frame. Without a ``model`` boxes are only chosen, and a recording stays at its first frame.
    """

    def __init__(
        self,
        source: Source,
        targets: Targets,
        viewers: Viewers,
        *,
        model: str | None = None,
        first: Callable[[Frame], Box | None] | None = None,
        loop: bool = False,
    ) -> None:
        self.board = Board()
        self._source, self._targets, self._viewers, self._model = source, targets, viewers, model
        self._first, self._loop = first, loop
        self._asked: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._runs_on = source.live and not source.waits  # whether frames come and go while nobody takes them
        self._status: Status = "running" if self._runs_on else "waiting"
        self._closed = self._again = False
        self._chosen: dict[int, Chosen] = {}
        self._seen: dict[int, Estimate] = {}
        self._last_number = self._skipped = 0
        self._rate, self._latency_ms = Rate(), deque[float](maxlen=30)
        self._error: str | None = None
        self._memory: tuple[float, int | None] = (float("-inf"), None)

    def run(self) -> None:
        """Go on until closed; raises `CdedgeError` only where not even the first frame can be shown."""
        while not self._closed:
            self._again, self._error = False, None
            try:
                self._follow()
                if not (self._again or self._closed or self._loop):
                    self._status = "ended"
            except CdedgeError as problem:
                if self.board.newest() is None:
                    raise
                self._status, self._error = "failed", str(problem)
            self._obey(0.0)

    def close(self) -> None:
        """Have the loop end; for any thread."""
        self._do(self._close)

    def nudge(self) -> None:
        """Have the loop look whether it still stands still."""
        self._do(lambda: None)

    def select(self, box: Box, view: View, number: int | None) -> int:
        """Follow what is in ``box`` of a view, as a new target or in place of ``number``; returns the target's number.

        Raises `BadInput` for a box that cannot be tracked and a target that is not there.
        """
        return self._ask(lambda: self._select(box, view.frame, view.state.frame, number))

    def remove(self, number: int) -> None:
        """Follow a target no longer; raises `BadInput` where it is not there."""
        self._ask(lambda: self._remove(number))

    def pause(self, pause: bool) -> None:
        """Stand still, or go on; raises `BadInput` where the source has ended."""
        self._ask(lambda: self._pause(pause))

    def reset(self) -> None:
        """Forget all targets; a recording goes back to its first frame and waits."""
        self._ask(self._reset)

    def again(self) -> None:
        """Open the source again, from its start."""
        self._ask(self._restart)

    # What follows runs in the loop.

    def _ask(self, what: Callable[[], T]) -> T:
        answer: Future[T] = Future()

        def do() -> None:
            if answer.set_running_or_notify_cancel():
                try:
                    result = what()
                except CdedgeError as problem:
                    answer.set_exception(problem)
                else:
                    self._show_again()  # who has asked sees it done
                    answer.set_result(result)

        self._do(do)
        try:
            return answer.result(_ANSWER_S)
        except LateAnswer as error:
            answer.cancel()
            raise BadInput(f"{self._source.name} gives no frames: nothing can be done on it now") from error

    def _do(self, what: Callable[[], None]) -> None:
        self._asked.put(what)

    def _follow(self) -> None:
        """One pass over the source."""
        if not self._source.live:
            for number in self._seen:
                self._targets.stop(number)
            self._seen = {}
        self._rate.clear()
        step_s, due_s = 0.0 if self._source.live else 1 / (self._source.fps or _DEFAULT_FPS), time.monotonic()
        index = -1
        with self._frames() as frames:
            for frame, read_s in frames:
                if frame is None:
                    self._rate.clear()
                    self._show_again()
                else:
                    index += 1
                    self._see(index, frame)
                    self._latency_ms.append(1e3 * (time.perf_counter() - read_s))
                    self._rate.add(time.monotonic())
                    self._show(frame, index)
                due_s = max(due_s + step_s, time.monotonic() - step_s)
                self._obey(due_s)
                if self._closed or self._again:
                    return

    @contextmanager
    def _frames(self) -> Iterator[Iterator[tuple[Frame | None, float]]]:
        """The frames, each with the time (``time.perf_counter``) it had been read; None where one is long in coming."""
        if not self._runs_on:
            yield ((frame, time.perf_counter()) for frame in self._source.frames())
            return
        with Latest(self._source.frames()) as latest:

            def newest() -> Iterator[tuple[Frame | None, float]]:
                while True:
                    frame = latest.within(_PATIENCE_S)
                    if frame is None and latest.ended:
                        return
                    self._skipped = latest.dropped
                    yield frame, latest.captured_ns / 1e9

            yield newest()

    def _see(self, index: int, frame: Frame) -> None:
        self._seen = self._targets.update(frame)
        if self._first is not None:
            box, self._first = self._first(frame), None
            if box is not None:
                self._select(box, frame, index, None)
        for number, chosen in self._chosen.items():
            if chosen.frame == index and number not in self._seen:
                self._seen[number] = self._targets.start(number, frame, chosen.box)

    def _show(self, frame: Frame, index: int) -> None:
        last = self.board.newest()
        state = State(
            view=1 if last is None else last.state.view + 1,
            source=self._source.name,
            model=self._model,
            status=self._status,
            live=self._source.live,
            frame=index,
            width_px=frame.shape[1],
            height_px=frame.shape[0],
            targets=tuple(target_state(number, seen) for number, seen in sorted(self._seen.items())),
            fps=self._rate.per_second(),
            latency_ms=median(self._latency_ms) if self._latency_ms else None,
            memory_bytes=self._resident(),
            skipped_frames=self._skipped,
            viewers=self._viewers.count(),
            link=None if self._source.link is None else self._source.link.state,
            reconnects=None if self._source.link is None else self._source.link.reconnects,
            error=self._error,
        )
        self.board.put(View(frame, state))

    def _resident(self) -> int | None:
        now_s = time.monotonic()
        if now_s - self._memory[0] > _TICK_S:
            self._memory = (now_s, resident_bytes())
        return self._memory[1]

    def _obey(self, until_s: float) -> None:
        """Do what is asked until then, and for as long as the session stands still."""
        stood = self._stands()
        if stood:
            self._show_again()
        while not (self._closed or self._again):
            left_s = _TICK_S if self._stands() else min(until_s - time.monotonic(), _TICK_S)
            try:
                self._asked.get(timeout=max(left_s, 0.0))()
            except queue.Empty:
                if not self._stands() and time.monotonic() >= until_s:
                    break
                self._show_again()
            stood = stood or self._stands()
        if stood:
            self._rate.clear()

    def _show_again(self) -> None:
        """Show the same frame with what has changed around it."""
        last = self.board.newest()
        if last is not None:
            self._show(last.frame, last.state.frame)

    def _stands(self) -> bool:
        return self._status != "running" or (not self._runs_on and self._viewers.holding())

    def _select(self, box: Box, frame: Frame, index: int, number: int | None) -> int:
        if number is not None and number not in self._chosen:
            raise BadInput(f"there is no target {number}: it was removed meanwhile")
        if number is None and len(self._chosen) >= MOST_TARGETS:
            raise BadInput(f"{MOST_TARGETS} targets are followed already: remove one first")
        taken = self._last_number + 1 if number is None else number
        self._seen[taken] = self._targets.start(taken, frame, box)
        self._chosen[taken] = Chosen(index, box)
        self._last_number = max(self._last_number, taken)
        if self._status == "waiting" and self._model is not None:
            self._status = "running"
        return taken

    def _remove(self, number: int) -> None:
        if self._chosen.pop(number, None) is None:
            raise BadInput(f"there is no target {number}: it was removed meanwhile")
        if self._seen.pop(number, None) is not None:
            self._targets.stop(number)

    def _pause(self, pause: bool) -> None:
        if self._status in ("ended", "failed"):
            raise BadInput(f"{self._source.name} has ended: open it again first")
        self._status = "paused" if pause else "running"

    def _reset(self) -> None:
        for number in list(self._chosen):
            self._remove(number)
        self._last_number = 0
        if not self._runs_on:
            self._status, self._again = "waiting", not self._source.live  # a pipe cannot go back

    def _restart(self) -> None:
        self._status, self._again = "running", True

    def _close(self) -> None:
        self._closed = True
