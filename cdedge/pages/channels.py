"""Channels kept per layer, with pictures of kept and pruned ones (the paper's figures 2 and 3)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from cdedge.pages.failures import jpeg_uri
from cdedge.pages.page import Cell, Column, number_cell, sortable_table, text_cell
from cdedge_runtime.image import Frame
from cdedge_runtime.model.contract import Tap

PRUNED_SHOWN = 64
_BRIGHTEST_SHARE = 0.995
_LEVELS = 48


@dataclass(frozen=True, eq=False)
class ChannelPictures:
    """Maps of one search window.

    window: (H, W, 3) uint8 BGR. target: its (height, width) as shares of the window. kept: per layer (kept channels,
    Gh, Gw), as the file computes them. whole: per layer all channels, as the full network does; None where it is not
    at hand. origin: what frame it is. chosen: of a generic file, the channels that its first frame keeps.
    """

    window: Frame
    target: tuple[float, float]
    kept: dict[str, NDArray[np.float32]]
    whole: dict[str, NDArray[np.float32]] | None
    origin: str
    chosen: tuple[Tap, ...] | None = None


def channel_table(taps: Sequence[Tap]) -> str:
    """How many channels of each layer are kept."""
    share = [len(tap.kept) / tap.total for tap in taps]
    columns = [
        Column("Layer", tuple(text_cell(tap.name) for tap in taps), is_text=True),
        Column("Kept", tuple(number_cell(len(tap.kept), str(len(tap.kept))) for tap in taps)),
        Column("Of", tuple(number_cell(tap.total, str(tap.total)) for tap in taps)),
        Column("Share", tuple(number_cell(value, f"{value:.0%}") for value in share)),
        Column("Which", tuple(_which(tap) for tap in taps), is_text=True),
    ]
    return sortable_table("Channels kept", columns)


def _which(tap: Tap) -> Cell:
    return Cell(f'<span class="which">{ranges(tap.kept)}</span>', len(tap.kept))


def ranges(numbers: Sequence[int]) -> str:
    """Sorted numbers with runs drawn together: ``0-3 7 9-10``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return " ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in parts)


def channel_pictures(taps: Sequence[Tap], pictures: ChannelPictures) -> str:
    """The window, then each layer's kept and pruned channels, the target outlined in each."""
    height, width = pictures.target
    place = {"left": 50 - 50 * width, "top": 50 - 50 * height, "wide": 100 * width, "high": 100 * height}
    style = ";".join(f"--{name}:{value:.2f}%" for name, value in place.items())
    window = _outlined(jpeg_uri(pictures.window), f"search window of {pictures.origin}")
    layers = "".join(_layer(tap, pictures) for tap in taps)
    return (
        f'<div class="channels" style="{style}"><figure class="window">{window}'
        f"<figcaption>Search window of {escape(pictures.origin)}</figcaption></figure>{layers}</div>"
    )


def _layer(tap: Tap, pictures: ChannelPictures) -> str:
    kept, whole = pictures.kept[tap.name], None if pictures.whole is None else pictures.whole[tap.name]
    brightest = float(np.quantile(kept if whole is None else whole, _BRIGHTEST_SHARE)) or 1.0
    head = f"<h3>Layer {escape(tap.name)}:"
    parts = f"{head} kept, {len(tap.kept)}</h3>{_grid(tap.kept, kept, brightest)}"
    pruned = sorted(set(range(tap.total)) - set(tap.kept))
    if whole is None or not pruned:
        return parts
    shown = pruned[:: -(-len(pruned) // PRUNED_SHOWN)]
    some = "" if len(shown) == len(pruned) else f", {len(shown)} of them shown"
    return f"{parts}{head} pruned, {len(pruned)}{some}</h3>{_grid(shown, whole[shown], brightest)}"


def _grid(channels: Sequence[int], maps: NDArray[np.float32], brightest: float) -> str:
    items = "".join(
        f"<li>{_outlined(map_uri(values, brightest), f'channel {c}')}<span>{c}</span></li>"
        for c, values in zip(channels, maps, strict=True)
    )
    return f'<ol class="maps">{items}</ol>'


def _outlined(uri: str, words: str) -> str:
    return f'<span class="map"><img src="{uri}" alt="{escape(words)}"><i></i></span>'


def map_uri(values: NDArray[np.float32], brightest: float) -> str:
    """A map as a PNG data URI: dark at 0 and below, bright at ``brightest`` and above, the square root between."""
    level = np.sqrt(np.clip(values / brightest, 0, 1)) * (_LEVELS - 1)
    grey = np.asarray(np.round(level) * (255 / (_LEVELS - 1)), np.uint8)  # few levels make a small file
    picture = cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS)
    data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode("ascii")
