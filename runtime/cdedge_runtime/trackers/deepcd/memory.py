"""Bytes of DeepCD's arrays, counted from shapes. Loads no numpy."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from cdedge_runtime.filter.shapes import Size, highest_frequencies, support_cells
from cdedge_runtime.kinds import FilterMemory, settings_of
from cdedge_runtime.model.deep_settings import DeepSettings

from .settings import COLOURS, GROWTH_PX, Settings

if TYPE_CHECKING:  # the contract asks for this tracker while it is read
    from cdedge_runtime.model.contract import DeepPart, ModelSpec

XYWH = tuple[float, float, float, float]

_FLOAT, _COMPLEX = 4, 8
_GROWTH_BYTES = 4 * GROWTH_PX**2  # a window, and the one of the frame before in grey


def filter_memory(spec: ModelSpec) -> FilterMemory:
    """What the tracker keeps for the target that the file was made for; the filter's area hardly depends on it."""
    settings = settings_of(spec, Settings)
    fine = _part(spec, settings, spec.source.box, windows=2)
    more = _colours_bytes(spec) if settings.colour_share else 0
    more += _GROWTH_BYTES if settings.flow_share else 0
    fine = replace(fine, filter_bytes=fine.filter_bytes + more)
    if spec.deep is None:
        return fine
    coarse = _part(spec.deep, spec.deep.settings, spec.source.box, windows=1)
    return FilterMemory(*(a + b for a, b in zip(_values(fine), _values(coarse), strict=True)))


def _part(part: ModelSpec | DeepPart, settings: Settings | DeepSettings, box: XYWH, *, windows: int) -> FilterMemory:
    """Of one filter; ``windows``: of how many the spectra are kept until the next frame."""
    channels, grid = part.filter_channels, part.grid
    copied = channels if channels < part.channels else 0
    highest, widest = highest_frequencies(grid, settings.band)
    down, across = 2 * highest + 1, widest + 1
    spectrum = _COMPLEX * channels * down * across
    support = _support(box, grid, settings)
    taps = _FLOAT * channels * math.prod(support)
    # Each of the two transforms keeps its lines and its sines, see filter/dft.py.
    scratch = _FLOAT * channels * (down * (grid[1] + support[1]) + 2 * (down // 2) * 2 * across)
    return FilterMemory(
        features_bytes=_FLOAT * (part.channels + copied) * math.prod(grid),
        filter_bytes=spectrum + 6 * taps,
        samples_bytes=settings.memory * spectrum,
        buffers_bytes=3 * math.prod(part.input_px) + (windows + 2) * spectrum + scratch,
    )


def _colours_bytes(spec: ModelSpec) -> int:
    """Of two histograms and their comparison, and of the matrices that sum over boxes."""
    return _FLOAT * (3 * COLOURS + sum(cells * px for cells, px in zip(spec.grid, spec.input_px, strict=True)))


def _support(box: XYWH, grid: Size, settings: Settings | DeepSettings) -> Size:
    _, _, width, height = box
    side = settings.padding * math.sqrt(width * height)
    return support_cells((grid[0] * height / side, grid[1] * width / side), settings.support, grid)


def _values(memory: FilterMemory) -> tuple[int, int, int, int]:
    return memory.features_bytes, memory.filter_bytes, memory.samples_bytes, memory.buffers_bytes
