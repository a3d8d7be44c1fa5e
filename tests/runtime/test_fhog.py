"""FHOG against cells computed by hand and against a slow literal reading of the published definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cdedge_runtime.filter.fhog import fhog


def literal(image: np.ndarray, cell: int) -> np.ndarray:
    """Pixel by pixel, in float64."""
    height, width = image.shape
    rows, columns = height // cell, width // cell
    signed = np.zeros((18, rows, columns))
    for y in range(rows * cell):
        for x in range(columns * cell):
            dx, dy = slope(image[y, :], x), slope(image[:, x], y)
            angle = math.atan2(dy, dx) % (2 * math.pi)
            orientation = int(angle * 18 / (2 * math.pi) + 0.5) % 18
            for cy in range(rows):
                for cx in range(columns):
                    near = [max(0.0, 1 - abs((p + 0.5) / cell - (c + 0.5))) for p, c in ((y, cy), (x, cx))]
                    signed[orientation, cy, cx] += math.hypot(dx, dy) * near[0] * near[1] / cell**2
    for edge in (signed[:, 0], signed[:, -1], signed[:, :, 0], signed[:, :, -1]):
        edge *= 8 / 7
    unsigned = signed[:9] + signed[9:]
    out = np.zeros((31, rows, columns))
    for cy in range(rows):
        for cx in range(columns):
            for texture, (by, bx) in enumerate(((0, 0), (-1, 0), (0, -1), (-1, -1))):
                top, left = min(max(cy + by, 0), rows - 2), min(max(cx + bx, 0), columns - 2)
                block = unsigned[:, top : top + 2, left : left + 2]
                norm = math.sqrt((block**2).sum() + 1e-4 / 4 / cell**4)
                first, second = (np.minimum(part[:, cy, cx] / norm, 0.2) for part in (signed, unsigned))
                out[:18, cy, cx] += 0.5 * first
                out[18:27, cy, cx] += 0.5 * second
                out[27 + texture, cy, cx] = 0.2357 * first.sum()
    return out


def slope(line: np.ndarray, at: int) -> float:
    if at in (0, len(line) - 1):
        inner = 1 if at == 0 else len(line) - 2
        return float(line[inner] - line[at]) * (1 if at == 0 else -1)
    return 0.5 * float(line[at + 1] - line[at - 1])


@pytest.mark.parametrize(("shape", "cell"), [((16, 20), 4), ((19, 14), 4), ((24, 24), 8), ((9, 11), 2)])
def test_it_is_the_published_definition(shape: tuple[int, int], cell: int) -> None:
    image = np.random.default_rng(1).random(shape).astype(np.float32)
    np.testing.assert_allclose(fhog(image, cell), literal(image, cell), atol=2e-5)


def test_a_constant_patch_is_zero() -> None:
    assert not fhog(np.full((20, 24), 0.7, np.float32)).any()


def test_a_vertical_edge_by_hand() -> None:
    """Dark left, bright right: gradient 0.5 along +x in two pixel columns, orientation bin 0, in the two middle cells.

    Each pixel row of a cell sums to weight 4 (3.5 * 8/7 at the border). The columns at 7 and 8 px, seen
    from the cells at 6 and 10 px, weigh .625 + .375 = 1 in both. So R = 0.5 * 4 * 1 / 16 = 1/8 in
    both, none outside.
    """
    image = np.zeros((16, 16), np.float32)
    image[:, 8:] = 1
    maps = fhog(image)
    eps = 1e-4 / 4 / 256
    inner, outer = (1 / 8) / math.sqrt(4 / 64 + eps), (1 / 8) / math.sqrt(2 / 64 + eps)
    assert inner == pytest.approx(0.5, abs=1e-3)
    assert outer == pytest.approx(0.7071, abs=1e-3)
    expected = np.zeros((31, 4, 4))
    expected[[0, 18], :, 1:3] = 4 * 0.5 * 0.2  # every one of the four shares is clipped
    expected[27:, :, 1:3] = 0.2357 * 0.2
    np.testing.assert_allclose(maps, expected, atol=1e-6)


def test_the_opposite_edge_has_the_opposite_sign_and_the_same_line() -> None:
    image = np.zeros((16, 16), np.float32)
    image[:, 8:] = 1
    bright, dark = fhog(image), fhog(1 - image)
    assert bright[0].any()
    assert not bright[9].any()
    np.testing.assert_allclose(dark[9], bright[0], atol=1e-6)
    np.testing.assert_allclose(dark[18:], bright[18:], atol=1e-6)


def test_energies_are_bounded() -> None:
    maps = fhog(np.random.default_rng(2).random((60, 44)).astype(np.float32) * 255)
    assert maps.min() >= 0
    assert maps[:27].max() <= 0.4 + 1e-6
    assert maps[27:].max() <= 0.2357 * 18 * 0.2 + 1e-6


def test_brightness_does_not_matter_and_contrast_hardly() -> None:
    image = np.random.default_rng(3).random((32, 32)).astype(np.float32)
    np.testing.assert_allclose(fhog(image + 1), fhog(image), atol=1e-4)
    np.testing.assert_allclose(fhog(image * 255), fhog(image), atol=1e-3)


def test_of_several_channels_the_steepest_counts() -> None:
    image = np.random.default_rng(4).random((24, 24)).astype(np.float32)
    three = np.stack([0.1 * image, image, np.full_like(image, 0.5)], axis=2)
    np.testing.assert_allclose(fhog(three), fhog(image), atol=1e-6)


def test_too_small_a_patch_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 8x8"):
        fhog(np.zeros((7, 40), np.float32))
