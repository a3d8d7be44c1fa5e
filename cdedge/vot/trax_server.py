"""``python -m cdedge.vot.trax_server``: a TraX server on stdin and stdout (protocol 4, vot-trax)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import typer
from trax import Image, Region, Server, TraxStatus
from trax import Rectangle as TraxRectangle

from cdedge.vot.entries import box_of_polygon, box_of_rectangle, open_tracker, setup_of
from cdedge_runtime.box import Box
from cdedge_runtime.sources.images import read_image

_REGIONS = [Region.RECTANGLE, Region.POLYGON]


def serve(
    model: Annotated[str | None, typer.Option(help="A file made by 'cdedge export'.")] = None,
    options: Annotated[str | None, typer.Option(help="Without --model: what to distil, as JSON.")] = None,
    provider: str = "cpu",
    threads: str | None = None,
) -> None:
    """Answer a TraX client until it quits."""
    setup = setup_of(model, options, provider, threads)
    cv2.setNumThreads(setup.threads or 0)
    tracker = open_tracker(setup)
    with Server(_REGIONS, [Image.PATH], tracker_name="cdedge") as server:
        while True:
            request = server.wait()
            if request.type not in (TraxStatus.INITIALIZE, TraxStatus.FRAME):
                return
            frame = read_image(Path(request.image["color"].path()))
            if request.type == TraxStatus.INITIALIZE:
                box, properties = tracker.init(frame, _box(request.objects[0][0])).box, {}
            else:
                found = tracker.update(frame)
                box, properties = found.box, {"confidence": found.score}
            server.status([(TraxRectangle.create(box.x, box.y, box.width, box.height), properties)])


def _box(region: Region) -> Box:
    """Convert a request's region; the server offers rectangles and polygons, so nothing else comes."""
    if region.type == Region.POLYGON:
        return box_of_polygon(list(region))
    return box_of_rectangle(region.bounds())


if __name__ == "__main__":
    typer.run(serve)
