"""The newest frame of a live source: whoever is slower than the camera skips frames instead of falling behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from types import TracebackType

from cdedge_runtime.image import Frame


class Latest:
    """Iterates over the frames of a live source, always giving the newest; use it in a ``with``.

    A thread reads without pause. ``dropped`` counts the frames that came and were replaced before anyone took them,
    ``captured_ns`` is the clock (``time.perf_counter_ns``) when the frame given last had been read. What the source
    raises is raised after the last frame before it.
    ``every``: the thread waits until each frame was taken, and none is dropped; whoever waits for one can still be
    interrupted, which a library that reads from a silent pipe cannot.
    """

    def __init__(self, frames: Generator[Frame, None, None] | Iterator[Frame], *, every: bool = False) -> None:
        self.dropped, self.captured_ns, self._every = 0, 0, every
        self._frames, self._news = frames, threading.Condition()
        self._newest: tuple[Frame, int] | None = None
        self._error: Exception | None = None
        self.ended = self._closed = False
        self._thread = threading.Thread(target=self._read, name="cdedge-latest", daemon=True)
        self._thread.start()

    def __enter__(self) -> Latest:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._news:
            self._closed = True
            self._news.notify_all()
        self._thread.join(timeout=2)  # a camera that hangs must not hang us: the thread is a daemon

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        frame = self.within(None)
        if frame is None:
            raise StopIteration
        return frame

    def within(self, timeout_s: float | None) -> Frame | None:
        """The newest frame; None where none comes in time (None: ever), or any more: then ``ended`` is set."""
        with self._news:
            self._news.wait_for(lambda: self._newest is not None or self.ended, timeout_s)
            if self._newest is None:
                if self.ended and self._error is not None:
                    raise self._error
                return None
            (frame, self.captured_ns), self._newest = self._newest, None
            self._news.notify_all()
        return frame

    def _read(self) -> None:
        try:
            for frame in self._frames:
                self._offer(frame)
                if self._closed:
                    break
        except Exception as error:  # noqa: BLE001 - raised again in the thread that takes the frames
            self._error = error
        finally:
            if isinstance(self._frames, Generator):
                self._frames.close()  # gives the camera back
            with self._news:
                self.ended = True
                self._news.notify_all()

    def _offer(self, frame: Frame) -> None:
        with self._news:
            if self._every:
                self._news.wait_for(lambda: self._newest is None or self._closed)
            self.dropped += self._newest is not None
            self._newest = (frame, time.perf_counter_ns())
            self._news.notify_all()
