"""OpenCV's trackers behind cdedge's two methods ``init(frame, box)`` and ``update(frame)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import cv2

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadEnvironment, BadInput, BadModel, Usage
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.image import Frame


class AnyTracker(Protocol):
    """What every tracker in an evaluation can do."""

    def init(self, frame: Frame, box: Box) -> Estimate:
        """Learn the target from its first frame."""

    def update(self, frame: Frame) -> Estimate:
        """Find the target in the next frame."""


class Peer:
    """One of OpenCV's trackers.

    Where it reports that it found nothing, the last box is kept and the estimate is marked lost. The score is
    1 or 0 for trackers that are no networks and have no score. A new target needs a new peer.
    """

    def __init__(self, name: str, files: tuple[str, ...] = ()) -> None:
        self._tracker, self._whole = _create(name, files)
        self._name, self._files = name, files

    def init(self, frame: Frame, box: Box) -> Estimate:
        """Learn the target; OpenCV's trackers outside ``legacy`` take whole pixels, so the box is rounded.

        Raises `BadInput` for a box that OpenCV refuses, `BadModel` for networks that load but are not the tracker's.
        """
        values: tuple[float, ...] = (box.x, box.y, box.width, box.height)
        if self._whole:
            values = (round(box.x), round(box.y), max(1, round(box.width)), max(1, round(box.height)))
        if self._start(frame, values) is False:
            raise BadInput(f"OpenCV's tracker refuses the box {values} in the first frame")
        self._box = box
        return Estimate(box, 1.0, lost=False)

    def update(self, frame: Frame) -> Estimate:
        """Find the target in the next frame."""
        found, values = self._tracker.update(frame)
        if found:
            self._box = Box(*(float(v) for v in values))
        return Estimate(self._box, self._score(found=bool(found)), lost=not found)

    def _start(self, frame: Frame, values: tuple[float, ...]) -> Any:
        try:
            return self._tracker.init(frame, values)
        except cv2.error as error:
            if not self._files:
                raise
            raise _unusable(self._name, self._files, error) from error

    def _score(self, *, found: bool) -> float:
        return float(self._tracker.getTrackingScore()) if self._files else float(found)  # the others answer -1


def check_peer(name: str, files: tuple[str, ...]) -> None:
    """Raise `Usage` for an unknown tracker or number of files, `BadEnvironment` where OpenCV lacks it."""
    if name not in _NAMES:
        raise Usage(f"unknown OpenCV tracker {name!r}, expected one of: {', '.join(_NAMES)}")
    wanted = _FILES.get(name, ())
    if len(files) != len(wanted):
        needs = f"--peer-model with {len(wanted)} files ({', '.join(wanted)})" if wanted else "no --peer-model"
        raise Usage(f"opencv:{name} takes {needs}, got {len(files)}")
    _constructor(name)


def usual_peer() -> str:
    """The peer to begin with: CSRT, or MIL where OpenCV is not its contrib build."""
    try:
        _constructor("CSRT")
    except BadEnvironment:
        return "MIL"
    return "CSRT"


_NAMES = ("CSRT", "KCF", "MOSSE", "MIL", "DaSiamRPN", "Nano", "Vit")
_FILES = {
    "DaSiamRPN": ("model", "kernel_cls1", "kernel_r1"),
    "Nano": ("backbone", "neckhead"),
    "Vit": ("net",),
}


def _create(name: str, files: tuple[str, ...]) -> tuple[Any, bool]:
    """Make the tracker; say whether it takes whole pixels."""
    make, whole = _constructor(name)
    if name not in _FILES:
        return make(), whole
    settings = getattr(cv2, f"Tracker{name}_Params")()
    for field, path in zip(_FILES[name], files, strict=True):
        setattr(settings, field, path)
    try:
        return make(settings), whole
    except cv2.error as error:
        raise _unusable(name, files, error) from error


def _unusable(name: str, files: tuple[str, ...], error: cv2.error) -> BadModel:
    wanted = ", ".join(_FILES[name])
    return BadModel(f"{', '.join(files)}: OpenCV cannot run opencv:{name} with them as its {wanted}: {error}")


def _constructor(name: str) -> tuple[Callable[..., Any], bool]:
    """Find OpenCV's constructor: in the main module, or in ``cv2.legacy``, where MOSSE always is."""
    main = getattr(cv2, f"Tracker{name}_create", None)
    if main is not None:
        return main, True
    legacy = getattr(getattr(cv2, "legacy", None), f"Tracker{name}_create", None)
    if legacy is None:
        raise BadEnvironment(
            f"this OpenCV {cv2.__version__} has no {name} tracker, its contrib build has, which cdedge[cpu] brings: "
            "pip uninstall -y opencv-python opencv-python-headless, then pip install opencv-contrib-python-headless"
        )
    return legacy, False
