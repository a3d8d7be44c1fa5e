"""Several targets of one model file: one session for all, a tracker for each."""

from __future__ import annotations

from collections.abc import Iterator
from operator import index
from typing import TYPE_CHECKING, Any

from .box import BoxLike
from .errors import BadInput, Usage
from .estimate import Estimate, Features, ModelTracker
from .files import StrPath
from .image import to_bgr
from .model.threads import MOST_THREADS
from .opening import open_features, tracker_with

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


class Targets:
    """Targets that are followed together, by number; a detector hands them over with `start` and `stop`.

    They share the model's session and the frame, converted once; each has its own filter. ``workers`` threads follow
    different targets at a time: 1 takes the least memory, more are faster where there are processors for them.
    """

    def __init__(self, features: Features, *, workers: int = 1) -> None:
        if type(workers) is not int or not 1 <= workers <= MOST_THREADS:
            raise Usage(
                f"workers: expected a whole number from 1 to {MOST_THREADS}, got {workers!r:.40}", field="workers"
            )
        self._features = features
        self._trackers: dict[int, ModelTracker] = {}
        self._pool = _pool(workers) if workers > 1 else None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The targets that are followed."""
        return tuple(self._trackers)

    def start(self, number: int, frame: Any, box: BoxLike) -> Estimate:
        """Follow a new target, or an old number anew, from ``box`` in ``frame``; raises as `ModelTracker.init`.

        Where it raises, an old target of that number is followed on.
        """
        number = _whole(number)
        tracker = tracker_with(self._features)
        estimate = tracker.init(frame, box)
        self._trackers[number] = tracker
        return estimate

    def stop(self, number: int) -> None:
        """Follow a target no longer; raises `BadInput` where it is not followed."""
        number = _whole(number)
        if number not in self._trackers:
            raise BadInput(f"number: no target {number} is followed, only {self._said()}", field="number")
        del self._trackers[number]

    def update(self, frame: Any) -> dict[int, Estimate]:
        """Every target's estimate in the next frame, by number; raises `BadInput` for what is no frame."""
        image = to_bgr(frame)
        each = list(self._trackers.values())
        if self._pool is None or len(each) < 2:
            found: Iterator[Estimate] = (tracker.update(image) for tracker in each)
        else:
            found = self._pool.map(lambda tracker: tracker.update(image), each)
        return dict(zip(self._trackers, found, strict=True))

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.shutdown()

    def __enter__(self) -> Targets:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _said(self) -> str:
        return ", ".join(map(str, self._trackers)) or "none"


def _pool(workers: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # brings more with it than one target is tracked with

    return ThreadPoolExecutor(workers, "cdedge-target")


def _whole(number: int) -> int:
    """A target's number, of numpy too; raises `BadInput` for anything else."""
    try:
        return index(number)
    except TypeError:
        raise BadInput(f"number: expected a whole number, got {type(number).__name__}", field="number") from None


def open_targets(model: StrPath, *, provider: str = "cpu", threads: int | None = None, workers: int = 1) -> Targets:
    """No target yet, of the file ``model``; provider and threads as in `open_tracker`, and so are the errors."""
    return Targets(open_features(model, provider=provider, threads=threads), workers=workers)
