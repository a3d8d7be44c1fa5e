"""Pictures of channels for a page: drawn at the desk, where PyTorch is; a device says why it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput, CdedgeError, MissingExtra
from cdedge_runtime.frames import Source, frame_sha256, open_source
from cdedge_runtime.modelfile import ModelSpec
from cdedge_runtime.run import starting_box

from .options import parse_box

if TYPE_CHECKING:
    from cdedge.pages.channels import ChannelPictures

LEFT_OUT = "pictures of channels"


def pictures_or_reason(
    spec: ModelSpec, source: str | None, box: str | None, weights: str | None
) -> tuple[ChannelPictures | None, tuple[tuple[str, str], ...]]:
    """The pictures, or what is left out and why. Raises what is wrong with ``weights`` where they were named."""
    try:
        return _pictures(spec, open_source(source), box, weights), ()
    except ModuleNotFoundError as error:
        missing = MissingExtra(f"{error.name} is not installed, and the full network needs it", "export")
        return None, ((LEFT_OUT, f"{missing}, or make the page at the desk with --bench"),)
    except CdedgeError as error:
        if weights is not None:
            raise
        return None, ((LEFT_OUT, f"{error}"),)


def _pictures(spec: ModelSpec, source: Source, box: str | None, weights: str | None) -> ChannelPictures:
    from cdedge.pages.channels import ChannelPictures
    from cdedge_export.maps import first_frame_maps

    if source.live:
        raise BadInput(f"{source.name} is live: its first frame is gone; give a file as SOURCE")
    frame = next(source.frames(), None)
    if frame is None:
        raise BadInput(f"{source.name}: it has no frames")
    target: Box = starting_box(source, spec, parse_box(box, source))(frame)
    maps = first_frame_maps(spec, frame, target, weights=weights)
    same = frame_sha256(frame) == spec.source.sha256
    origin = f"the first frame of {source.name}" + ("" if same else ", not the video the channels were chosen on")
    return ChannelPictures(maps.window, maps.target, maps.layers, origin)
