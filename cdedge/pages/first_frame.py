"""What a page tells of a source's first frame: predicted memory, and pictures of channels.

Kept channels come from the file itself, pruned ones from the full network at the desk.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cdedge.choosing.asked import box_in
from cdedge_runtime.errors import BadInput, CdedgeError, MissingExtra
from cdedge_runtime.image import Frame, frame_sha256
from cdedge_runtime.measure.footage import footage_of
from cdedge_runtime.measure.predict import predict
from cdedge_runtime.model.contract import HOG_BACKBONE, ModelSpec
from cdedge_runtime.model.graph import node_count
from cdedge_runtime.run import starting_box
from cdedge_runtime.sources.frames import Source, first_frame, open_source

if TYPE_CHECKING:
    from cdedge.pages.channels import ChannelPictures
    from cdedge.pages.memory import Stack

_PREDICTED = "predicted memory"
LeftOut = tuple[tuple[str, str], ...]


def pictures_or_reason(
    model: Path, spec: ModelSpec, source: str | None, *, box: str | None, weights: str | None
) -> tuple[ChannelPictures | None, LeftOut]:
    """The pictures, and what of them is left out and why.

    Raises what is wrong with ``weights`` where they were named.
    """
    try:
        pictures = _of_kept(model, spec, open_source(source), box)
    except CdedgeError as error:
        return None, (("pictures of channels", f"{error}"),)
    if pictures.whole is not None:
        return pictures, ()
    try:
        return replace(pictures, whole=_whole(spec, pictures.window, weights)), ()
    except ModuleNotFoundError as error:
        missing = MissingExtra(f"{error.name} is not installed, and the full network needs it", "export")
        why = f"{missing}, or make the page at the desk with --bench"
    except CdedgeError as error:
        if weights is not None:
            raise
        why = str(error)
    return pictures, (("pictures of pruned channels", why),)


def deep_pictures_reason(spec: ModelSpec) -> LeftOut:
    """Why a deep network's channels are not drawn, where there is one."""
    if spec.deep is None:
        return ()
    return (("pictures of the deep network's channels", "they are of a window of its own, and of both signs"),)


def predicted_or_reason(
    model: Path, spec: ModelSpec, source: str | None, *, provider: str, threads: int
) -> tuple[Stack | None, LeftOut]:
    """Memory as predicted for the source's frames, or why it cannot be."""
    from cdedge.pages.memory import predicted_stack

    if provider != "cpu":
        return None, ((_PREDICTED, "it is predicted for the CPU provider only"),)
    try:
        seen = footage_of(source, open_source(source))
        return predicted_stack(predict(spec, seen, nodes=node_count(model), threads=threads)), ()
    except CdedgeError as error:
        return None, ((_PREDICTED, str(error)),)


def _of_kept(model: Path, spec: ModelSpec, source: Source, box: str | None) -> ChannelPictures:
    from cdedge.pages.channels import ChannelPictures
    from cdedge_export.maps import first_window, kept_maps, tracked_taps

    if source.live:
        raise BadInput(f"{source.name} is live: its first frame is gone; give a file as SOURCE")
    frame = first_frame(source)
    given = None if box is None else box_in(box, frame.shape, source.origin)
    target = starting_box(source, spec, given)(frame)
    window = first_window(spec, frame, target)
    same = frame_sha256(frame) == spec.source.sha256
    origin = f"the first frame of {source.name}" + ("" if same else ", not the video the channels were chosen on")
    own, shape = kept_maps(model, window.pixels), window.target
    if not spec.generic:
        return ChannelPictures(window.pixels, shape, own, None, origin)
    chosen = tracked_taps(model, frame, target)
    kept = {tap.name: own[tap.name][np.isin(file.kept, tap.kept)] for tap, file in zip(chosen, spec.taps, strict=True)}
    has_all = all(len(tap.kept) == tap.total for tap in spec.taps)
    return ChannelPictures(window.pixels, shape, kept, own if has_all else None, origin, chosen)


def _whole(spec: ModelSpec, window: Frame, weights: str | None) -> dict[str, NDArray[np.float32]]:
    if spec.backbone == HOG_BACKBONE:
        from cdedge_export.maps import hog_maps

        return hog_maps(spec, window)
    from cdedge_export.maps import whole_maps

    return whole_maps(spec, window, weights=weights)
