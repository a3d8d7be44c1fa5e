"""What moves in the demo clip: cars built of flat faces, lit by sun and sky, and people who walk."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.box import Box

from .demo_street import EYE, SUN, Color, Picture, Points, View, darken, fixed_point

_Station = tuple[float, float, float, float, float, str]
_Limb = tuple[Points, Points, float, Color]  # start, end, width in metres, colour

_FINER = 3  # actors are drawn so many times larger and averaged down

# A car lengthwise from the rear: x, half width, belt line, half width at the top, top (all in metres from the middle of
# the ground below), and what its side is made of up to the next station, from sill to roof:
# b body, d dark, g glass, l lamp in front, r rear lamp.
_SALOON = (
    (-2.15, 0.70, 0.80, 0.52, 0.86, "dbrbb"),
    (-2.02, 0.83, 0.90, 0.62, 0.97, "dbbbb"),
    (-1.72, 0.88, 0.93, 0.66, 1.03, "dbbbb"),
    (-1.40, 0.90, 0.94, 0.66, 1.05, "dbbgg"),
    (-0.86, 0.91, 0.94, 0.58, 1.39, "dbbgb"),
    (-0.84, 0.91, 0.94, 0.58, 1.40, "dbbgb"),
    (-0.10, 0.91, 0.93, 0.58, 1.46, "dbbbb"),
    (-0.02, 0.91, 0.93, 0.58, 1.46, "ddddb"),
    (0.01, 0.91, 0.93, 0.58, 1.46, "dbbgb"),
    (0.38, 0.91, 0.92, 0.57, 1.42, "dbbgg"),
    (1.02, 0.90, 0.89, 0.66, 1.00, "dbbbb"),
    (1.40, 0.89, 0.84, 0.62, 0.93, "dbbbb"),
    (1.80, 0.85, 0.76, 0.56, 0.84, "dblbb"),
    (2.06, 0.76, 0.66, 0.50, 0.72, "dbbbb"),
    (2.15, 0.64, 0.58, 0.44, 0.62, "dbbbb"),
)
_VAN = (
    (-2.6, 0.92, 1.20, 0.86, 2.15, "dbbbb"),
    (-2.5, 0.97, 1.20, 0.90, 2.25, "dbbbb"),
    (0.70, 0.97, 1.20, 0.90, 2.25, "ddbbb"),
    (0.73, 0.97, 1.20, 0.90, 2.24, "dbbgb"),
    (1.45, 0.97, 1.18, 0.84, 2.12, "dbbgg"),
    (2.05, 0.95, 1.12, 0.78, 1.32, "dblbb"),
    (2.45, 0.90, 0.95, 0.70, 1.02, "dbbbb"),
    (2.60, 0.78, 0.75, 0.60, 0.80, "dbbbb"),
)
_FRONT, _REAR = "ddbbb", "dbbbb"  # the ends, from sill to roof
_MATERIALS: dict[str, tuple[Color, float]] = {  # colour and how much it mirrors
    "d": ((38, 36, 35), 0.05),
    "g": ((46, 42, 38), 0.55),
    "l": ((232, 236, 238), 0.3),
    "r": ((40, 34, 190), 0.2),
}

_TYRE = 0.33  # radius in metres
_CIRCLE = np.stack([(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * math.pi, 16, endpoint=False)])
_WHEEL_COLORS = np.array([(24, 23, 22, 255), (40, 39, 38, 255), (166, 166, 164, 255), *[(52, 51, 50, 255)] * 5], float)


@dataclass(frozen=True)
class Place:
    """Where a car stands on the ground, and its heading along x: 1 or -1."""

    x: float
    y: float
    heading: int

    def world(self, points: Points) -> Points:
        """A car's own points (..., 3) in the world."""
        return points * (self.heading, self.heading, 1) + (self.x, self.y, 0)


@dataclass(frozen=True)
class Sprite:
    """A small picture over the frame: premultiplied BGR and cover, (H, W, 4) float32 0..255, and its left top pixel."""

    pixels: NDArray[np.float32]
    left: int
    top: int

    def blurred(self, length_px: float) -> Sprite:
        """The same smeared sideways over ``length_px``."""
        reach = round(length_px / 2)
        if reach == 0:
            return self
        wider = cv2.copyMakeBorder(self.pixels, 0, 0, reach, reach, cv2.BORDER_CONSTANT)
        return Sprite(np.asarray(cv2.blur(wider, (2 * reach + 1, 1)), np.float32), self.left - reach, self.top)

    def onto(self, frame: Picture) -> None:
        """Lay it over ``frame`` in place; what reaches outside is cut off."""
        height, width = frame.shape[:2]
        rows, columns = self.pixels.shape[:2]
        top, left = max(0, self.top), max(0, self.left)
        bottom, right = min(height, self.top + rows), min(width, self.left + columns)
        if bottom <= top or right <= left:
            return
        own = self.pixels[top - self.top : bottom - self.top, left - self.left : right - self.left]
        part = frame[top:bottom, left:right]
        part[:] = (part * (1 - own[..., 3:] / 255) + own[..., :3] + 0.5).astype(np.uint8)


@dataclass(frozen=True)
class Car:
    """Faces (F, 4, 3) in metres about the middle of the ground below, heading +x, their colours and mirroring.

    ``outline`` (N, 3) are the points that can lie on the silhouette.
    """

    faces: Points
    colors: Points
    mirror: Points
    outline: Points
    axles: tuple[float, float]
    half_width: float

    def box(self, view: View, place: Place) -> Box:
        """The box of the silhouette."""
        pixels = view.project(place.world(self.outline))
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        return Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))

    def shadow(self, frame: Picture, view: View, place: Place) -> None:
        """Darken the road where the car takes the sun and the sky from it."""
        corners = place.world(self.outline)
        ground = corners - SUN * (corners[:, 2:] / SUN[2])
        hull = cv2.convexHull(view.project(ground).astype(np.float32))[:, 0]
        darken(frame, hull.astype(np.float64), 0.42, soft_px=1.2)
        low, high = corners.min(axis=0), corners.max(axis=0)
        below = [(low[0], low[1], 0), (high[0], low[1], 0), (high[0], high[1], 0), (low[0], high[1], 0)]
        darken(frame, view.project(np.array(below, float)), 0.6, soft_px=1.8)

    def sprite(self, view: View, place: Place) -> Sprite:
        """The car as ``view`` sees it, without its shadow."""
        corners = place.world(self.faces)
        middles = corners.mean(axis=1)
        normals, sight = _normals(corners, middles - (place.x, place.y, 0.7)), middles - EYE
        distance = np.linalg.norm(sight, axis=1)
        sight /= distance[:, None]
        seen = np.flatnonzero((normals * sight).sum(axis=1) < 0)
        order = seen[np.argsort(-distance[seen])]
        drawing = _Drawing(view, self.box(view, place))
        drawing.fill(corners[order], _lit(normals[order], sight[order], self.colors[order], self.mirror[order]))
        for axle in self.axles:
            wheel = _wheel(axle, -place.heading * self.half_width, turned=place.x / _TYRE)
            drawing.fill(place.world(wheel), _WHEEL_COLORS)
        return drawing.sprite()


def saloon(paint: Color) -> Car:
    """A car of 4.3 m."""
    return _built(_SALOON, paint, axles=(-1.32, 1.36))


def van(paint: Color) -> Car:
    """A van of 5.2 m."""
    return _built(_VAN, paint, axles=(-1.6, 1.65))


@dataclass(frozen=True)
class Walker:
    """A person: place (x, y) at time 0, velocity in m/s, height in m, colours of coat and trousers."""

    start: tuple[float, float]
    velocity: tuple[float, float]
    height: float
    coat: Color
    trousers: Color

    def place(self, seconds: float) -> tuple[float, float]:
        """Where the person is, (x, y)."""
        return self.start[0] + self.velocity[0] * seconds, self.start[1] + self.velocity[1] * seconds

    def shadow(self, frame: Picture, view: View, seconds: float) -> None:
        """A long soft spot away from the sun."""
        foot = np.array([*self.place(seconds), 0.0])
        tip, side = foot - SUN / SUN[2] * self.height * (1, 1, 0), np.array([0.16, -0.14, 0])
        darken(frame, view.project(np.array([foot - side, foot + side, tip + side, tip - side])), 0.36, soft_px=1.0)

    def sprite(self, view: View, seconds: float) -> Sprite:
        """The person in mid-stride."""
        foot, up = np.array([*self.place(seconds), 0.0]), np.array([0, 0, self.height])
        size = view.px_per_m(foot + up / 2) * self.height
        low, high = view.project(foot), view.project(foot + up)
        drawing = _Drawing(view, Box(low[0] - 0.3 * size, high[1], 0.6 * size, low[1] - high[1]))
        drawing.lines(self._limbs(foot, up, seconds), size / self.height)
        return drawing.sprite()

    def _limbs(self, foot: Points, up: Points, seconds: float) -> list[_Limb]:
        """The body as lines with round ends, the farther ones first."""
        speed = math.hypot(*self.velocity)
        along = np.array([*self.velocity, 0.0]) / speed
        swing = math.sin(2 * math.pi * seconds * speed / 1.35 + self.height * 40)
        hip, neck, shoulder = foot + 0.5 * up, foot + 0.82 * up + 0.03 * along, foot + 0.76 * up + 0.03 * along
        far_arm, near_arm = (foot + 0.5 * up - 0.2 * side * swing * along for side in (-1, 1))
        return [
            *self._leg(hip, foot, up, along, -swing, 0.7),
            *self._leg(hip, foot, up, along, swing, 1.0),
            (shoulder, far_arm, 0.1, _shaded(self.coat, 0.65)),
            (hip + 0.02 * up, shoulder, 0.34, _shaded(self.coat, 0.82)),
            (hip - 0.06 * along, shoulder - 0.08 * along, 0.16, self.coat),
            (shoulder, near_arm, 0.1, _shaded(self.coat, 0.88)),
            (neck, foot + 0.9 * up + 0.02 * along, 0.12, (120, 150, 196)),
            (foot + 0.93 * up, foot + 0.945 * up, 0.21, (52, 62, 78)),
            (foot + 0.92 * up + 0.05 * along, foot + 0.925 * up + 0.05 * along, 0.15, (130, 162, 206)),
        ]

    def _leg(self, hip: Points, foot: Points, up: Points, along: Points, step: float, light: float) -> list[_Limb]:
        """Thigh, shin and shoe; ``step`` is -1 behind to 1 in front."""
        knee = foot + 0.27 * up + (0.11 * step + 0.05) * along
        ankle = foot + (0.03 + 0.05 * max(0.0, -step)) * up + 0.27 * step * along
        cloth = _shaded(self.trousers, light)
        return [(hip, knee, 0.15, cloth), (knee, ankle, 0.11, cloth), (ankle, ankle + 0.14 * along, 0.09, (34, 34, 38))]


class _Drawing:
    """A canvas around ``box``, finer than the frame and transparent at first."""

    def __init__(self, view: View, box: Box) -> None:
        self._left, self._top = math.floor(box.x) - 2, math.floor(box.y) - 2
        columns, rows = math.ceil(box.x + box.width) + 2 - self._left, math.ceil(box.y + box.height) + 2 - self._top
        self._canvas = np.zeros((rows * _FINER, columns * _FINER, 4), np.uint8)
        self._view = view

    def fill(self, faces: Points, colors: Points) -> None:
        """Convex faces (F, N, 3) in the world, colours and cover (F, 4)."""
        for face, color in zip(self._fixed(faces), colors.tolist(), strict=True):
            cv2.fillConvexPoly(self._canvas, face, color, cv2.LINE_8, 4)

    def lines(self, limbs: list[_Limb], px_per_m: float) -> None:
        """Lines with round ends."""
        ends = self._fixed(np.array([limb[:2] for limb in limbs])).tolist()
        for (start, end), (_, _, width, color) in zip(ends, limbs, strict=True):
            cv2.line(self._canvas, start, end, (*color, 255.0), max(1, round(width * px_per_m * _FINER)), cv2.LINE_8, 4)

    def sprite(self) -> Sprite:
        rows, columns = self._canvas.shape[:2]
        small = cv2.resize(self._canvas, (columns // _FINER, rows // _FINER), interpolation=cv2.INTER_AREA)
        return Sprite(np.asarray(small, np.float32), self._left, self._top)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        return fixed_point((self._view.project(points) - (self._left, self._top)) * _FINER)


def _built(stations: tuple[_Station, ...], paint: Color, *, axles: tuple[float, float]) -> Car:
    rings = np.array([_ring(*station[:5]) for station in stations])  # (stations, 6, 3), the right side
    right = np.stack([rings[:-1, :-1], rings[1:, :-1], rings[1:, 1:], rings[:-1, 1:]], axis=2).reshape(-1, 4, 3)
    faces = np.concatenate([right, right * (1, -1, 1), _end(rings[0]), _end(rings[-1])])
    side = "".join(station[5] for station in stations[:-1])
    known = {**_MATERIALS, "b": (paint, 0.32)}
    made_of = [known[kind] for kind in side + side + _REAR + _FRONT]
    half_width = max(station[1] for station in stations)
    tyres = np.concatenate([_wheel(axle, y, 0.0)[1] for axle in axles for y in (-half_width, half_width)])
    return Car(
        faces,
        colors=np.array([color for color, _ in made_of], float),
        mirror=np.array([mirror for _, mirror in made_of]),
        outline=np.concatenate([rings.reshape(-1, 3), (rings * (1, -1, 1)).reshape(-1, 3), tyres]),
        axles=axles,
        half_width=half_width,
    )


def _ring(x: float, wide: float, belt: float, top_wide: float, top: float) -> Points:
    """Half a cross-section from the sill to the middle of the roof, (6, 3)."""
    profile = ((0.93 * wide, 0.2), (wide, 0.36), (1.01 * wide, 0.36 + 0.6 * (belt - 0.36)), (0.95 * wide, belt))
    return np.array([(x, -y, z) for y, z in (*profile, (top_wide, top), (0.0, top + 0.035))])


def _end(ring: Points) -> Points:
    """The faces that close a car at one end, (5, 4, 3)."""
    left = ring * (1, -1, 1)
    return np.stack([ring[:-1], ring[1:], left[1:], left[:-1]], axis=1)


def _wheel(x: float, y: float, turned: float) -> Points:
    """The arch, tyre and rim of a wheel and the holes in the rim, (8, 16, 3), ``turned`` by so many radians."""
    spokes = turned + np.arange(5) * 2 * math.pi / 5
    middles = np.concatenate([np.zeros((3, 2)), 0.13 * np.stack([np.cos(spokes), -np.sin(spokes)], axis=1)])
    radii = np.array([0.39, _TYRE, 0.22, *[0.055] * 5])
    flat = middles[:, None] + radii[:, None, None] * _CIRCLE
    flat[0, :, 1] = np.maximum(flat[0, :, 1], 0)  # the arch ends at the axle
    return np.stack([x + flat[..., 0], np.full(flat.shape[:2], y), _TYRE + flat[..., 1]], axis=2)


def _normals(corners: Points, outward: Points) -> Points:
    """Unit normals of faces (F, 4, 3) on the side of ``outward`` (F, 3)."""
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-9)[:, None]
    across = (normals * outward * (0.3, 1, 1)).sum(axis=1)  # a car is long: sideways counts
    return normals * np.where(across < 0, -1, 1)[:, None]


def _lit(normals: Points, sight: Points, colors: Points, mirror: Points) -> Points:
    """Face colours BGR and cover 255, (F, 4): sun, sky and ground light, and a mirrored sky (Schlick 1994)."""
    sun = np.clip(normals @ SUN, 0, 1)
    sky = 0.5 + 0.5 * normals[:, 2]
    diffuse = colors * (0.30 + 0.28 * sky + 0.62 * sun)[:, None]
    facing = -(normals * sight).sum(axis=1)
    up = (sight + 2 * facing[:, None] * normals)[:, 2]
    mirrored = np.where(up[:, None] > 0, (226, 206, 186), (84, 86, 88)) * np.clip(0.75 + 0.4 * up, 0.4, 1.1)[:, None]
    share = (mirror * (0.18 + 0.82 * (1 - np.clip(facing, 0, 1)) ** 3))[:, None]
    mixed = np.clip(diffuse * (1 - share) + mirrored * share, 0, 255)
    return np.concatenate([mixed, np.full((len(mixed), 1), 255.0)], axis=1)


def _shaded(color: Color, share: float) -> Color:
    blue, green, red = (c * share for c in color)
    return blue, green, red
