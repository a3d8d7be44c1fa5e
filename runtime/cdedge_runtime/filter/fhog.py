"""Histograms of oriented gradients with 31 channels (Felzenszwalb et al. 2010), as in Piotr Dollar's toolbox."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .shapes import HOG_CHANNELS

Real = NDArray[np.float32]

ORIENTATIONS = 9  # unsigned; twice as many signed ones
_CLIP = 0.2
_TEXTURE = 0.2357


def fhog(image: NDArray[np.float32], cell: int = 4) -> Real:
    """Features (31, h // cell, w // cell) float32 of an image (h, w) or (h, w, d).

    Channels: 18 signed orientations, 9 unsigned ones, 4 texture energies. Pixels beyond the last whole cell are
    ignored by the histograms. The values depend on the image's scale where gradients are faint: CACF gives 0..1, DSST
    0..255. Raises `ValueError` for less than 2 x 2 cells.
    """
    rows, columns = (n // cell for n in image.shape[:2])
    if min(rows, columns) < 2:
        raise ValueError(f"fhog needs at least {2 * cell}x{2 * cell} pixels for cells of {cell}, got {image.shape}")
    magnitude, bins = _gradients(np.asarray(image, np.float32), rows * cell, columns * cell)
    signed = _histograms(magnitude, bins, rows, columns, cell)
    unsigned = signed[:ORIENTATIONS] + signed[ORIENTATIONS:]
    norms = _norms(unsigned, cell)
    out = np.empty((HOG_CHANNELS, rows, columns), np.float32)
    clipped = np.minimum(signed[:, None] * norms, np.float32(_CLIP))
    np.multiply(clipped.sum(axis=1), np.float32(0.5), out=out[:18])
    np.multiply(clipped.sum(axis=0), np.float32(_TEXTURE), out=out[27:])
    clipped = np.minimum(unsigned[:, None] * norms, np.float32(_CLIP))
    np.multiply(clipped.sum(axis=1), np.float32(0.5), out=out[18:27])
    return out


def _gradients(image: Real, height: int, width: int) -> tuple[Real, NDArray[np.intp]]:
    """Magnitude and signed orientation bin (0..17) of the first height x width pixels.

    Central differences, one-sided at the border; of several channels the one with the largest magnitude.
    """
    dy, dx = (_difference(image, axis) for axis in (0, 1))
    if image.ndim == 3:
        strongest = (dx * dx + dy * dy).argmax(axis=2)[..., None]
        dy, dx = (np.take_along_axis(d, strongest, axis=2)[..., 0] for d in (dy, dx))
    dy, dx = dy[:height, :width], dx[:height, :width]
    turns = np.arctan2(dy, dx) * np.float32(ORIENTATIONS / np.pi)
    bins = np.floor(turns + np.float32(0.5)).astype(np.intp)
    np.add(bins, 2 * ORIENTATIONS, out=bins, where=bins < 0)
    return np.sqrt(dx * dx + dy * dy), bins


def _difference(image: Real, axis: int) -> Real:
    moved = np.moveaxis(image, axis, 0)
    slope = np.empty_like(moved)
    np.subtract(moved[2:], moved[:-2], out=slope[1:-1])
    slope[1:-1] *= 0.5
    slope[0], slope[-1] = moved[1] - moved[0], moved[-1] - moved[-2]
    return np.moveaxis(slope, 0, axis)


def _histograms(magnitude: Real, bins: NDArray[np.intp], rows: int, columns: int, cell: int) -> Real:
    """Signed histograms (18, rows, columns): every pixel is shared bilinearly by its four nearest cells."""
    index, weight = _shares(rows, columns, cell)
    places = index + bins.ravel() * (rows * columns)
    size = 2 * ORIENTATIONS * rows * columns
    counts = np.bincount(places.ravel(), (weight * magnitude.ravel()).ravel(), minlength=size)
    return counts.astype(np.float32).reshape(2 * ORIENTATIONS, rows, columns)


@lru_cache(maxsize=4)
def _shares(rows: int, columns: int, cell: int) -> tuple[NDArray[np.intp], Real]:
    """Cell index and weight (4, pixels) of each pixel's four shares; those outside the grid weigh nothing."""
    row, row_weight = _axis_shares(rows, cell)
    column, column_weight = _axis_shares(columns, cell)
    index = row[:, None, :, None] * columns + column[None, :, None, :]
    weight = row_weight[:, None, :, None] * column_weight[None, :, None, :]
    return index.reshape(4, -1), weight.reshape(4, -1).astype(np.float32)


def _axis_shares(cells: int, cell: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The two cells (2, pixels) along an axis and their weights.

    A border cell gets only 7/8 of an inner one's weight (with cells of 4), which the toolbox makes up for whatever the
    cell's size.
    """
    position = (np.arange(cells * cell) + 0.5) / cell - 0.5
    first = np.floor(position).astype(np.intp)
    index = np.stack([first, first + 1])
    weight = np.stack([first + 1 - position, position - first]) / cell
    weight[(index < 0) | (index >= cells)] = 0
    weight[(index == 0) | (index == cells - 1)] *= 8 / 7
    return np.clip(index, 0, cells - 1), weight


def _norms(unsigned: Real, cell: int) -> Real:
    """1 over the norm of the four 2 x 2 blocks around each cell, (4, rows, columns); border blocks are repeated.

    In the toolbox's order: the block below right, above right, below left, above left.
    """
    energy = np.einsum("oij,oij->ij", unsigned, unsigned)
    blocks = energy[:-1, :-1] + energy[1:, :-1] + energy[:-1, 1:] + energy[1:, 1:]
    inverse = np.pad(1 / np.sqrt(blocks + np.float32(1e-4 / 4 / cell**4)), 1, mode="edge")
    return np.stack([inverse[1:, 1:], inverse[:-1, 1:], inverse[1:, :-1], inverse[:-1, :-1]])
