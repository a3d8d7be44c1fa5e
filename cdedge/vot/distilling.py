"""A tracker that is distilled from its own first two frames, when the second one arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.box import Box, check_target
from cdedge_runtime.errors import NotInitialized
from cdedge_runtime.estimate import Estimate, ModelTracker
from cdedge_runtime.files import scratch_folder
from cdedge_runtime.image import to_bgr
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.sources.frames import Source

if TYPE_CHECKING:
    from cdedge_export.pipeline import ExportOptions


class DistillingTracker:
    """`cdedge_runtime.trackers.deepcd.tracker.Tracker`'s two methods; needs PyTorch (the extra ``export``).

    ``init`` keeps the frame; the first ``update`` exports a model from both frames, then tracks. Nothing
    later than the second frame is used for the second frame's answer.
    """

    def __init__(self, options: ExportOptions, *, provider: str, threads: int | None) -> None:
        self._options = options
        self._provider, self._threads = provider, threads
        self._start: tuple[NDArray[np.uint8], Box] | None = None
        self._tracker: ModelTracker | None = None

    def init(self, frame: NDArray[np.generic], box: Box) -> Estimate:
        """Keep the first frame; raises `BadInput` for a box that cannot be tracked."""
        image = to_bgr(frame)
        check_target(box, image.shape)
        self._start, self._tracker = (image, box), None
        return Estimate(box, 1.0, lost=False)

    def update(self, frame: NDArray[np.generic]) -> Estimate:
        """Find the target in the next frame; the first call distils."""
        if self._start is None:
            raise NotInitialized
        if self._tracker is None:
            self._tracker = self._distilled(to_bgr(frame))
            self._tracker.init(*self._start)
        return self._tracker.update(frame)

    def _distilled(self, second: NDArray[np.uint8]) -> ModelTracker:
        from cdedge_export.pipeline import export

        if self._start is None:
            raise NotInitialized
        first, box = self._start
        with scratch_folder() as folder:
            model = folder / "distilled.onnx"
            export(Source("vot", lambda: iter((first, second))), box, model, options=self._options)
            return open_tracker(model, provider=self._provider, threads=self._threads)
