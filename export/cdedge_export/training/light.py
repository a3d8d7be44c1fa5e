"""What light, lens and sensor do to a search window: random changes of BGR windows, float32 in 0..255."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Window = npt.NDArray[np.float32]
Rng = np.random.Generator

_LUMA = np.array([[0.114], [0.587], [0.299]], np.float32)  # of BGR, ITU-R BT.601


def disturb(window: Window, rng: Rng, *, grey: bool) -> Window:
    """Expose ``window`` anew: colour, light, sharpness and noise change; ``grey`` takes the colour away."""
    window = np.repeat(window @ _LUMA, 3, axis=2) if grey else window * _tint(rng)
    window = _expose(window, rng)
    if rng.random() < 0.3:
        window = window * _ramp(window.shape[0], rng)
    if rng.random() < 0.4:
        window = _soften(window, rng)
    noise = rng.standard_normal((*window.shape[:2], 1 if grey else 3), dtype=np.float32)
    return np.asarray(np.clip(window + np.float32(rng.uniform(0, 6)) * noise, 0, 255), np.float32)


def _tint(rng: Rng) -> npt.NDArray[np.float32]:
    return rng.uniform(0.85, 1.15, 3).astype(np.float32)


def _expose(window: Window, rng: Rng) -> Window:
    gain = np.exp(rng.normal(0, 0.15))
    offset = rng.normal(0, 12)
    gamma = np.exp(rng.normal(0, 0.15))
    level = np.clip(window * np.float32(gain / 255) + np.float32(offset / 255), 0, 1)
    return np.asarray(255 * level ** np.float32(gamma), np.float32)


def _ramp(size: int, rng: Rng) -> Window:
    """Light that grows across the window by up to half, in any direction."""
    angle = rng.uniform(0, 2 * np.pi)
    along = np.linspace(-1, 1, size, dtype=np.float32)
    field = np.cos(angle) * along[None, :] + np.sin(angle) * along[:, None]
    return np.asarray(1 + rng.uniform(0, 0.35) * field[..., None], np.float32)


def _soften(window: Window, rng: Rng) -> Window:
    kind = rng.integers(3)
    if kind == 0:
        return np.asarray(cv2.GaussianBlur(window, (0, 0), rng.uniform(0.4, 1.6)), np.float32)
    if kind == 1:
        return np.asarray(cv2.filter2D(window, -1, _motion(rng)), np.float32)
    size = window.shape[0]
    small = max(8, round(size / rng.uniform(1.2, 2.5)))
    shrunk = cv2.resize(window, (small, small), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


def _motion(rng: Rng) -> npt.NDArray[np.float32]:
    kernel = np.zeros((9, 9), np.float32)
    angle = rng.uniform(0, np.pi)
    reach = rng.uniform(1, 4) * np.array([np.cos(angle), np.sin(angle)])
    start, end = np.rint(4 - reach).astype(int), np.rint(4 + reach).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0)
    return np.asarray(kernel / kernel.sum(), np.float32)
