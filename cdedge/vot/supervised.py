"""VOT's supervised experiment, made to run: a stack names it by ``type: cdedge.vot.supervised.Supervised``.

vot-toolkit 0.9.0 cannot run its own (0.7.4 can): its loop takes one object where a runtime answers a list,
leaves out the empty list of new objects that TraX wants, and refuses the realtime runtime as not online. The
loop and every analysis stay the toolkit's; this only puts a runtime between that talks as the loop expects.
"""

from __future__ import annotations

from vot.dataset import Frame, Sequence
from vot.experiment.multirun import SupervisedExperiment
from vot.tracker import ObjectStatus, OnlineTrackerRuntime, Tracker, TrackerRuntime


class OneTarget(OnlineTrackerRuntime):  # type: ignore[misc]
    """A runtime that takes and answers one object instead of a list of one."""

    def __init__(self, runtime: TrackerRuntime) -> None:
        super().__init__(runtime.tracker)
        self._runtime = runtime

    def initialize(self, frame: Frame, new: ObjectStatus = None) -> tuple[ObjectStatus, float]:
        """Start on ``frame`` with the object ``new``; return it and the seconds it took."""
        return _single(self._runtime.initialize(frame, _listed(new)))

    def update(self, frame: Frame, new: object = None) -> tuple[ObjectStatus, float]:  # noqa: ARG002
        """Find the object in the next frame; there is never a ``new`` one."""
        return _single(self._runtime.update(frame, []))

    def restart(self) -> None:
        """Start the tracker again."""
        self._runtime.restart()

    def stop(self) -> None:
        """End the tracker."""
        self._runtime.stop()


class _OneTargetTracker:
    """A tracker's definition whose runtimes answer one object."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def runtime(self) -> OneTarget:
        return OneTarget(self._tracker.runtime())


class Supervised(SupervisedExperiment):  # type: ignore[misc]
    """The toolkit's supervised experiment over a one-object runtime."""

    def _get_runtime(self, tracker: Tracker, sequence: Sequence, multiobject: bool = False) -> OneTarget:
        return OneTarget(super()._get_runtime(_OneTargetTracker(tracker), sequence, multiobject))


def _listed(new: ObjectStatus | list[ObjectStatus]) -> list[ObjectStatus]:
    return new if isinstance(new, list) else [new]


def _single(answer: tuple[ObjectStatus | list[ObjectStatus], float]) -> tuple[ObjectStatus, float]:
    objects, seconds = answer
    return (objects[0] if isinstance(objects, list) else objects), seconds
