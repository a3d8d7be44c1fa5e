"""The demo clip: a red car in a street, filmed from a balcony by somebody who turns after it, with its exact boxes.

Generated from a seed. It has what makes tracking hard, each in its own stretch: a look-alike and a van pass behind the
car, it comes nearer and turns its side, a lamp post hides part of it while the street rushes by, a cloud takes the sun.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.box import Box

from .demo_actors import Car, Place, Sprite, Walker, saloon, van
from .demo_street import Color, Picture, Points, View, paint_street

FRAMES = 240
FPS = 30.0
WIDTH, HEIGHT = 480, 320

_NEAR_LANE, _FAR_LANE = 21.2, 24.7  # y of their middles
_RED: Color = (44, 40, 178)
_SHUTTER = 0.5  # share of a frame's time that it is open
# What happens when: frame numbers, and values between which it changes evenly.
_SPEED_MPS = ((0, 75, 120, 143, 168, 240), (1.8, 1.8, 11.5, 11.5, 1.6, 1.2))
_FOCAL_PX = ((0, 60, 150, 200, 240), (620, 620, 490, 490, 530))
_SUNLIGHT = ((0, 178, 200, 222, 240), (1.0, 1.0, 0.66, 0.7, 0.95))


@dataclass(frozen=True)
class _Drive:
    """A car on its lane: where it is in each frame (x in m), and its heading along x, 1 or -1."""

    car: Car
    xs: Points
    y: float
    heading: int

    def at(self, t: int) -> Place:
        return Place(float(self.xs[t]), self.y, self.heading)


class Clip:
    """The clip for one seed; frame ``t`` depends on nothing but the seed and ``t``."""

    def __init__(self, seed: int = 7) -> None:
        rng = np.random.default_rng(seed)
        self._target = _Drive(saloon(_RED), -25 + _travelled(), _NEAR_LANE, 1)
        self._others = (
            _steady(saloon((52, 48, 164)), x=-8.5, speed_mps=-7.4),
            _steady(van((206, 208, 206)), x=0.5, speed_mps=-7.4),
            _steady(saloon((96, 74, 52)), x=46.0, speed_mps=-8.0),
            _steady(saloon((150, 150, 146)), x=58.0, speed_mps=-8.0),
        )
        self._walkers = _walkers(rng)
        self._views = _views(rng, self._target)
        self._whole = _around(self._views)
        self._street = paint_street(rng, self._whole)

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """All frames in order, (HEIGHT, WIDTH, 3) uint8 BGR."""
        return (self.frame(t) for t in range(FRAMES))

    def box(self, t: int) -> Box:
        """The target's exact box in frame ``t``, hidden parts included."""
        return self._target.car.box(self._views[t], self._target.at(t))

    def frame(self, t: int) -> NDArray[np.uint8]:
        """Frame ``t``, (HEIGHT, WIDTH, 3) uint8 BGR."""
        view = self._views[t]
        street = self._seen(t)
        frame = np.asarray(cv2.cvtColor(street, cv2.COLOR_BGRA2BGR), np.uint8)
        for walker in self._people(t):
            walker.shadow(frame, view, t / FPS)
        for drive in self._driving(t):
            drive.car.shadow(frame, view, drive.at(t))
        for sprite in self._sprites(t):
            sprite.onto(frame)
        _cover(frame, street)
        return cv2.convertScaleAbs(frame, alpha=float(np.interp(t, *_SUNLIGHT)))  # type: ignore[no-any-return]

    def _driving(self, t: int) -> list[_Drive]:
        """The cars that are in sight or nearly so."""
        return [drive for drive in (*self._others, self._target) if self._views[t].sees(drive.xs[t], drive.y)]

    def _people(self, t: int) -> list[Walker]:
        """The people who are in sight or nearly so."""
        return [walker for walker in self._walkers if self._views[t].sees(*walker.place(t / FPS))]

    def _seen(self, t: int) -> Picture:
        """The part of the street that the camera sees in frame ``t``, blurred by its turn."""
        onto = self._views[t].onto(self._whole)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = cv2.warpPerspective(self._street, onto, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        turn = _SHUTTER * abs(self._views[t].yaw - self._views[max(0, t - 1)].yaw) * self._views[t].focal_px
        return np.asarray(cv2.blur(seen, (2 * round(turn / 2) + 1, 1)), np.uint8)

    def _sprites(self, t: int) -> list[Sprite]:
        """Cars and people, the farthest first."""
        view = self._views[t]
        placed = [(w.place(t / FPS)[1], w.sprite(view, t / FPS)) for w in self._people(t)]
        for drive in self._driving(t):
            sprite = drive.car.sprite(view, drive.at(t))
            placed.append((drive.y, sprite.blurred(_SHUTTER * abs(self._moved_px(drive, t)))))
        return [sprite for _, sprite in sorted(placed, key=lambda pair: -pair[0])]

    def _moved_px(self, drive: _Drive, t: int) -> float:
        """How far a car went sideways in the picture since the frame before."""
        last = max(0, t - 1)
        now, then = (self._views[i].project(np.array([drive.xs[i], drive.y, 0.7])) for i in (t, last))
        return float(now[0] - then[0])


def _travelled() -> Points:
    """Metres that the target has driven by each frame."""
    speed = np.interp(np.arange(FRAMES), *_SPEED_MPS)
    return np.concatenate([[0.0], np.cumsum(speed[:-1])]) / FPS


def _steady(car: Car, x: float, speed_mps: float) -> _Drive:
    """A car on the far lane, at ``x`` in frame 0."""
    return _Drive(car, np.linspace(x, x + speed_mps * (FRAMES - 1) / FPS, FRAMES), _FAR_LANE, -1)


def _walkers(rng: np.random.Generator) -> tuple[Walker, ...]:
    """Two people who cross the road, the others on the pavements."""
    coats: tuple[Color, ...] = ((150, 96, 58), (58, 62, 66), (64, 104, 142), (178, 176, 170), (74, 110, 70))
    places = [((-14.6, 19.6), (0.05, 1.2)), ((-13.6, 19.2), (-0.05, 1.25))]
    for x, y, way in ((-34, 28.4, 1), (-24, 29.4, -1), (-11, 28.2, 1), (-3, 29.3, -1), (4, 28.3, -1), (-9, 14.2, 1)):
        places.append(((x, y), (way * rng.uniform(1.0, 1.5), 0.0)))
    return tuple(
        Walker(start, velocity, rng.uniform(1.6, 1.86), coats[i % len(coats)], ((72, 60, 50), (48, 48, 52))[i % 2])
        for i, (start, velocity) in enumerate(places)
    )


def _views(rng: np.random.Generator, target: _Drive) -> list[View]:
    """The camera in each frame: it follows the target a little late, and the hands shake."""
    bearing = np.arctan2(target.xs, target.y)
    late = np.concatenate([np.full(8, bearing[0]), bearing, np.full(4, bearing[-1])])
    smooth = np.convolve(late, np.full(13, 1 / 13), mode="valid")
    shake = _shake(rng, 3)
    return [
        View(
            yaw=smooth[t] + 0.02 + 0.0022 * shake[0, t],
            pitch=-0.125 - 0.05 * (t / FRAMES) + 0.0018 * shake[1, t],
            roll=0.0022 * shake[2, t],
            focal_px=float(np.interp(t, *_FOCAL_PX)),
            size=(WIDTH, HEIGHT),
            center=(WIDTH / 2, HEIGHT / 2),
        )
        for t in range(FRAMES)
    ]


def _shake(rng: np.random.Generator, axes: int) -> Points:
    """Unrest of the hands, (axes, FRAMES) of about -1.5..1.5."""
    t = np.arange(FRAMES) / FPS
    waves = [np.sin(2 * math.pi * hertz * t + rng.uniform(0, 6, (axes, 1))) for hertz in (0.7, 1.9, 4.3)]
    return np.asarray(0.9 * waves[0] + 0.5 * waves[1] + 0.16 * waves[2])


def _around(views: list[View]) -> View:
    """A wide view that holds all of ``views``."""
    middle = (min(v.yaw for v in views) + max(v.yaw for v in views)) / 2
    wide = View(middle, -0.14, 0.0, 620.0, (0, 0), (0.0, 0.0))
    frame = np.array([[0, 0, 1], [WIDTH, 0, 1], [WIDTH, HEIGHT, 1], [0, HEIGHT, 1]], float)
    corners = np.concatenate([frame @ view.onto(wide).T for view in views])
    corners = corners[:, :2] / corners[:, 2:]
    left, top = np.floor(corners.min(axis=0)) - 2
    right, bottom = np.ceil(corners.max(axis=0)) + 2
    return replace(wide, size=(int(right - left), int(bottom - top)), center=(-float(left), -float(top)))


def _cover(frame: Picture, street: Picture) -> None:
    """Put back what stands in front of the cars, in place."""
    columns = np.flatnonzero(street[..., 3].any(axis=0))
    if len(columns) == 0:
        return
    part = slice(columns[0], columns[-1] + 1)
    share = street[:, part, 3:] / np.float32(255)
    frame[:, part] = (frame[:, part] * (1 - share) + street[:, part, :3] * share + 0.5).astype(np.uint8)
