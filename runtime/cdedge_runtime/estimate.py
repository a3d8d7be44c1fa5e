"""What every tracker says, and what every tracker can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .box import Box, BoxLike
from .model.contract import ModelSpec

Lap = Callable[[str], None]


@dataclass(frozen=True)
class Estimate:
    """Where the target is.

    score: how probable it is, 0..1, that the box overlaps the target by more than .3; 1 in the first frame.
    psr: peak-to-sidelobe ratio of the response; None in the first frame and where there is no response.
    """

    box: Box
    score: float
    lost: bool
    psr: float | None = None


@dataclass(frozen=True)
class Sizes:
    """Bytes the tracker needs, computed from shapes."""

    weights_bytes: int
    activations_bytes: int
    filter_state_bytes: int
    buffers_bytes: int


def no_lap(stage: str) -> None:
    """Stand-in for a stopwatch: called with the name of each stage as it ends."""


class ModelTracker(Protocol):
    """A tracker that runs an exported file.

    Frames are (H, W[, C]) uint8 or uint16, grey, BGR or BGRA. ``lap`` is told the end of each stage: patch, features,
    transform, response, scale, update; of every window that a frame takes.
    """

    spec: ModelSpec

    def init(self, frame: NDArray[np.generic], box: BoxLike, lap: Lap = no_lap) -> Estimate:
        """Start or restart; raises `BadInput` for a box that cannot be tracked.

        A box that is refused at once leaves an earlier target; after a failure half-way there is none.
        """

    def update(self, frame: NDArray[np.generic], lap: Lap = no_lap) -> Estimate:
        """Find the target in the next frame; raises `NotInitialized` before ``init``."""

    def sizes(self) -> Sizes:
        """What the model and the filter take, by shape; raises `NotInitialized` before ``init``."""


class Features(Protocol):
    """A model file that turns search windows into feature maps."""

    spec: ModelSpec
    provider: str
    threads: int

    def __call__(self, patch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (C, Gh, Gw) float32 of a (H, W, 3) uint8 BGR window; they hold until the next call."""


@dataclass(frozen=True)
class Seen:
    """Maps (C, Gh, Gw) float32 of one run over a fine and a deep window, and a box head's answer (6, Gh, Gw).

    They hold until the next call. Without a box head, or where it was not asked, its answer says nothing.
    """

    fine: NDArray[np.float32]
    deep: NDArray[np.float32]
    boxes: NDArray[np.float32]


@runtime_checkable
class DeepFeatures(Features, Protocol):
    """A model file with a deep part, which has search windows of its own."""

    def deep(self, patch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Deep features (C, Gh, Gw) float32 of a (H, W, 3) uint8 BGR window; they hold until the next call."""

    def together(
        self, fine: NDArray[np.uint8], deep: NDArray[np.uint8], template: NDArray[np.float32] | None = None
    ) -> Seen:
        """Both networks' maps of their (H, W, 3) uint8 BGR windows; with a ``template``, the box head's answer too."""


@runtime_checkable
class HeadFeatures(DeepFeatures, Protocol):
    """A model file whose deep part has a box head."""

    def template(self, patch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The head's template (C, Th, Tw) float32 of a (H, W, 3) uint8 BGR window of its own size."""

    def deep_and_boxes(
        self, patch: NDArray[np.uint8], template: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """`deep`, and the head's answer (6, Gh, Gw) float32 for a template; both hold until the next call."""


class CropFeatures(Features, Protocol):
    """A model file that takes many crops at once and brings the first weights of layers trained on the device."""

    def batch(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (N, C, Gh, Gw) float32 of (N, H, W, 3) uint8 BGR crops."""

    def constants(self, names: Sequence[str]) -> list[NDArray[np.float32]]:
        """Named constants of the file; raises `BadModel` where one is missing."""
