"""cdedge on the device: an exported file, onnxruntime, numpy and OpenCV; no PyTorch.

    from cdedge_runtime import open_source, open_tracker

    tracker = open_tracker("car.onnx")
    for index, frame in enumerate(open_source("car.mp4").frames()):
        estimate = tracker.update(frame) if index else tracker.init(frame, (140, 90, 62, 50))
        print(estimate.box.xywh, estimate.score, estimate.lost)

Every error is a `CdedgeError`. Importing this package loads none of its parts: each comes with its first use. It also
keeps onnxruntime 1.29 and later from calling home, unless ``ORT_DISABLE_TELEMETRY`` is set already.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .lazy import on_demand

if TYPE_CHECKING:
    from .box import Box as Box
    from .box import BoxLike as BoxLike
    from .box import as_box as as_box
    from .errors import BadEnvironment as BadEnvironment
    from .errors import BadInput as BadInput
    from .errors import BadModel as BadModel
    from .errors import BadValue as BadValue
    from .errors import CdedgeError as CdedgeError
    from .errors import MissingExtra as MissingExtra
    from .errors import NotInitialized as NotInitialized
    from .errors import OverBudget as OverBudget
    from .errors import ProviderUnavailable as ProviderUnavailable
    from .errors import Usage as Usage
    from .estimate import Estimate as Estimate
    from .estimate import ModelTracker as ModelTracker
    from .opening import open_tracker as open_tracker
    from .sources.frames import Source as Source
    from .sources.frames import open_source as open_source
    from .sources.reading import Reading as Reading
    from .targets import Targets as Targets
    from .targets import open_targets as open_targets

    __version__: str

_HERE = "cdedge_runtime"
_ERRORS = (
    "CdedgeError",
    "BadInput",
    "BadModel",
    "NotInitialized",
    "Usage",
    "BadValue",
    "BadEnvironment",
    "MissingExtra",
    "ProviderUnavailable",
    "OverBudget",
)
_PLACES = {
    "open_tracker": f"{_HERE}.opening",
    "open_targets": f"{_HERE}.targets",
    "Targets": f"{_HERE}.targets",
    "open_source": f"{_HERE}.sources.frames",
    "ModelTracker": f"{_HERE}.estimate",
    "Estimate": f"{_HERE}.estimate",
    "Source": f"{_HERE}.sources.frames",
    "Reading": f"{_HERE}.sources.reading",
    "Box": f"{_HERE}.box",
    "BoxLike": f"{_HERE}.box",
    "as_box": f"{_HERE}.box",
    **dict.fromkeys(_ERRORS, f"{_HERE}.errors"),
}

__all__ = ["__version__", *_PLACES]
if not TYPE_CHECKING:  # or every name would be one that mypy knows
    __getattr__, __dir__ = on_demand(_HERE, _PLACES)

MAX_FRAME_PIXELS = 2**27  # 134 million, 400 MB decoded
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read by onnxruntime when it is imported
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_FRAME_PIXELS))  # read by OpenCV when it is imported
