"""How large a filter's arrays are, from numbers alone, so that memory can be told without numpy."""

from __future__ import annotations

from collections.abc import Sequence

from cdedge_runtime.errors import BadValue

Size = tuple[int, int]
HOG_CHANNELS = 31
LEAST_KEPT = 1e-3  # of a layer's channels
MOST_KEPT = 4096  # channels: each is compared with every other


def support_cells(target_cells: tuple[float, float], factor: float, grid: Size) -> Size:
    """Filter size (rows, columns): ``factor`` times the target's, at least 3 cells, at most the grid."""
    rows, columns = (min(n, max(3, round(t * factor))) for t, n in zip(target_cells, grid, strict=True))
    return rows, columns


def highest_frequencies(grid: Size, band: float) -> Size:
    """Highest frequencies (down, across) that are used: ``band`` times the highest ones below Nyquist."""
    down, across = (int(band * ((n - 1) // 2)) for n in grid)
    return down, across


def of_layer(share: float, channels: int) -> int:
    """How many of a layer's channels a share of them is."""
    return max(1, round(share * channels))


def kept_count(keep: float, layers: Sequence[int]) -> int:
    """How many channels of layers with so many ``keep`` leaves: up to 1 a share of each, above it so many of all."""
    return min(int(keep), sum(layers)) if keep > 1 else sum(of_layer(keep, count) for count in layers)


def check_keep(keep: float) -> None:
    """Raise `BadValue` for a part of a channel."""
    if keep > 1 and keep != int(keep):
        raise BadValue(f"keep: expected a share up to 1, or a whole number of channels, got {keep!r}", field="keep")
