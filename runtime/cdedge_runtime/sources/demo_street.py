"""The demo clip's street: houses, pavements, road, trees and lamps, painted once as one wide picture.

The camera stands still and only turns, so every frame is a homography of this picture (Hartley and Zisserman 2004,
section 8.4). World coordinates in metres: ``x`` along the street to the right, ``y`` across it away from the camera,
``z`` up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]
Color = tuple[float, float, float]  # BGR, 0..255

EYE = np.array([0.0, 0.0, 6.0])  # a first-floor balcony
SUN = np.array([-0.50, -0.55, 0.67])  # towards it, 1 long: behind the camera's left shoulder
NEAR_KERB, FAR_KERB, FRONTS = 19.0, 26.4, 31.0  # y of the kerbs and of the house fronts
POLE = (-1.75, 6.0)  # x, y of the lamp that the target passes behind
CROSSING = (-15.5, -12.3)  # x of the zebra crossing

_PLASTER: tuple[Color, ...] = (
    (168, 196, 214),
    (150, 178, 206),
    (186, 196, 200),
    (140, 160, 196),
    (176, 204, 206),
    (122, 140, 182),
    (190, 190, 186),
)
_PAINT: tuple[Color, ...] = ((88, 104, 62), (60, 64, 120), (112, 88, 60), (72, 110, 134), (70, 72, 76))  # of wood
_HAZE: Color = (222, 216, 210)
_SHIFT = 4  # fractional bits of OpenCV's coordinates


@dataclass(frozen=True)
class View:
    """A pinhole camera at EYE: angles in radians (yaw 0 looks straight across), focal length and size in pixels."""

    yaw: float
    pitch: float
    roll: float
    focal_px: float
    size: tuple[int, int]
    center: tuple[float, float]

    @cached_property
    def rotation(self) -> Points:
        """World to camera axes (right, down, forward), (3, 3)."""
        sy, cy, sp, cp = math.sin(self.yaw), math.cos(self.yaw), math.sin(self.pitch), math.cos(self.pitch)
        forward, right = np.array([sy * cp, cy * cp, sp]), np.array([cy, -sy, 0.0])
        down = np.cross(forward, right)
        s, c = math.sin(self.roll), math.cos(self.roll)
        return np.stack([c * right + s * down, c * down - s * right, forward])

    @cached_property
    def intrinsics(self) -> Points:
        """Camera axes to pixels, (3, 3)."""
        return np.array([[self.focal_px, 0, self.center[0]], [0, self.focal_px, self.center[1]], [0, 0, 1]])

    @cached_property
    def projection(self) -> Points:
        """What rows of world points from EYE are multiplied by to become homogeneous pixels, (3, 3)."""
        return np.asarray((self.intrinsics @ self.rotation).T)

    def rays(self, points: Points) -> Points:
        """World points (..., 3) as homogeneous pixels (..., 3); the last is the distance in metres along the view."""
        return np.asarray((points - EYE) @ self.projection)

    def project(self, points: Points) -> Points:
        """World points (..., 3) in front of the camera as continuous pixels (..., 2)."""
        return _pixels(self.rays(points))

    def px_per_m(self, point: Points) -> float:
        """Pixels per metre at a world point."""
        return float(self.focal_px / ((point - EYE) @ self.rotation[2]))

    def sees(self, x: float, y: float) -> bool:
        """Whether a place on the ground is in sight, or less than a car's length out of it."""
        return abs(math.atan2(x, y) - self.yaw) < math.radians(42)

    def onto(self, other: View) -> Points:
        """The homography from this view's pixels to the other's, both in OpenCV's coordinates."""
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # pixel centres lie at +0.5 in ours
        rays = other.rotation @ self.rotation.T @ np.linalg.inv(self.intrinsics)
        return np.asarray(np.linalg.inv(half) @ other.intrinsics @ rays @ half)


def fixed_point(pixels: Points) -> NDArray[np.int32]:
    """Continuous pixels as OpenCV's drawing functions take them with ``shift`` 4."""
    return np.asarray(np.round((pixels - 0.5) * 2**_SHIFT), np.int32)


def paint_street(rng: np.random.Generator, view: View) -> Picture:
    """The street as ``view`` sees it, (H, W, 4) uint8: BGR, and 255 where it stands in front of the cars."""
    street = _Street(rng, view)
    street.sky()
    street.ground()
    street.houses()
    street.furniture()
    street.grain()
    street.lamp_in_front()
    return street.picture


class _Street:
    """A picture under construction; what is painted later covers what was painted before."""

    def __init__(self, rng: np.random.Generator, view: View) -> None:
        width, height = view.size
        self._rng, self._view, self._front = rng, view, 0
        self.picture = np.zeros((height, width, 4), np.uint8)

    def sky(self) -> None:
        ramp = np.linspace(0, 1, 48)[:, None, None] ** 0.7
        clouds = cv2.resize(self._rng.random((5, 12), np.float32), (128, 48), interpolation=cv2.INTER_CUBIC)
        plain = np.array([214, 168, 120]) * (1 - ramp) + np.array([236, 226, 214]) * ramp
        cloudy = plain + (250 - plain) * 1.1 * np.clip(clouds - 0.45, 0, 0.5)[..., None]
        small = np.pad(cloudy.astype(np.uint8), ((0, 0), (0, 0), (0, 1)))
        cv2.resize(small, self._view.size, dst=self.picture, interpolation=cv2.INTER_CUBIC)

    def ground(self) -> None:
        self._ground(-140, 60, -40, NEAR_KERB, (146, 152, 156))
        self._ground(-140, 60, 16.9, 18.2, (116, 124, 150))  # cycle path
        self._ground(-140, 60, NEAR_KERB, FAR_KERB, (92, 90, 88))
        self._ground(-140, 60, FAR_KERB, FRONTS, (148, 154, 158))
        for x in np.arange(-90, 32, 1.5):
            self._ground(x, x + 0.03, -10, 16.9, (122, 128, 132))
            self._ground(x, x + 0.03, FAR_KERB, FRONTS, (124, 130, 134))
        for y in (*np.arange(6.5, 17, 1.15), *np.arange(FAR_KERB + 1, FRONTS, 1.2)):
            self._ground(-90, 40, y, y + 0.03, (124, 130, 134))
        for y, inner in ((NEAR_KERB, -0.35), (FAR_KERB, 0.35)):
            self._ground(-120, 50, y, y + inner, (172, 178, 180))
            self._ground(-120, 50, y, y - inner * 1.2, (74, 73, 72))  # gutter
        self._wall(-120, 50, FAR_KERB, 0.0, 0.13, (128, 132, 136))
        middle = (NEAR_KERB + FAR_KERB) / 2
        for x in np.arange(-110, 40, 4.5):
            if not CROSSING[0] - 4 < x < CROSSING[1] + 3:
                self._ground(x, x + 2.2, middle - 0.07, middle + 0.07, (205, 208, 210))
        for y in np.arange(NEAR_KERB + 0.7, FAR_KERB - 0.5, 1.0):
            self._ground(*CROSSING, y, y + 0.5, (208, 212, 214))
        self._ground(CROSSING[0] - 1.6, CROSSING[0] - 1.2, NEAR_KERB + 0.2, middle, (208, 212, 214))
        for x, y in ((-26, 21.4), (-4.5, 24.5), (9, 20.8)):
            self._disc(x, y, 0.38, (70, 68, 66))
            self._disc(x, y, 0.3, (84, 82, 80))

    def houses(self) -> None:
        x = -104.0
        while x < 40:
            width = self._rng.uniform(9, 15)
            self._house(x, x + width)
            x += width

    def furniture(self) -> None:
        for x in np.arange(-75.5, 36, 11.0):
            self._tree(x + self._rng.uniform(-1, 1), FAR_KERB + 1.1)
            self._lamp(x + 5.5, FAR_KERB + 0.7)
        for x in (-36.0, -27.0, -18.0, -8.0, 1.5, 10.0):
            self._planter(x, 15.9)
        eaves = (-140, 13.2), (-48, 13.2), (-48, 14.5), (-21, 14.5), (-21, 13.6), (-5, 13.6), (-5, 14.8), (60, 14.8)
        self._shadow([(-140, -40), *eaves, (60, -40)], 0.36, soft_px=2)  # of the houses behind the camera

    def lamp_in_front(self) -> None:
        """The near lamp post."""
        self._front = 255
        x, y = POLE
        for radius, bottom, top in ((0.19, 0.0, 1.1), (0.155, 1.1, 1.25), (0.125, 1.25, 9.0)):
            for share in np.linspace(-1, 0.86, 14):
                light = 34 + 92 * max(0.0, math.cos((share + 0.35) * 1.6)) ** 2
                color = (light * 0.92, light, light * 0.9)
                self._wall(x + radius * share, x + radius * (share + 0.16), y, bottom, top, color)

    def grain(self) -> None:
        """The fine unevenness of asphalt and plaster, alike in all colours."""
        height, width = self.picture.shape[:2]
        coarse = self._rng.integers(0, 256, (height // 6, width // 24), np.uint8)
        coarse = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        for top in range(0, height, 64):  # in strips, for the sake of memory
            part = self.picture[top : top + 64, :, :3]
            fine = self._rng.standard_normal(part.shape[:2], np.float32)
            uneven = 0.97 + 0.012 * fine + np.float32(0.06 / 255) * coarse[top : top + 64]
            part[:] = np.clip(part * uneven[..., None], 0, 255)

    def _house(self, left: float, right: float) -> None:
        rng, y = self._rng, FRONTS
        floors, floor = int(rng.integers(3, 6)), rng.uniform(2.9, 3.4)
        top = 4.0 + floors * floor
        plaster = _PLASTER[int(rng.integers(len(_PLASTER)))]
        self._face([(right, y, 0), (right, y + 12, 0), (right, y + 12, top), (right, y, top)], _times(plaster, 0.62))
        self._face([(left, y, top), (right, y, top), (right, y + 5, top + 3), (left, y + 5, top + 3)], (66, 70, 104))
        self._wall(left, right, y, 0, top, plaster)
        self._wall(left, right, y, 0, 0.7, _times(plaster, 0.7))
        self._wall(left, left + 0.12, y, 0, top, _times(plaster, 0.8))
        for z, thick in ((top - 0.45, 0.45), (3.85, 0.25)):
            self._wall(left, right, y, z - 0.18, z, _times(plaster, 0.72))  # shade below the moulding
            self._wall(left, right, y, z, z + thick, _times(plaster, 1.12))
        self._windows(left, right, floors, floor, plaster)
        self._shop(left, right)

    def _windows(self, left: float, right: float, floors: int, floor: float, plaster: Color) -> None:
        rng = self._rng
        count = int((right - left) / rng.uniform(2.1, 2.9))
        pitch = (right - left) / count
        wide, high = rng.uniform(0.95, 1.25), rng.uniform(1.55, 1.9)
        balconies = rng.random() < 0.4
        shutters = None if rng.random() < 0.55 else _PAINT[int(rng.integers(len(_PAINT)))]
        for level in range(floors):
            z = 4.0 + level * floor + 0.75
            for column in range(count):
                x = left + (column + 0.5) * pitch
                self._window(x - wide / 2, x + wide / 2, z, z + high, plaster)
                if shutters:
                    for edge in (x - wide / 2 - 0.5, x + wide / 2 + 0.08):
                        self._wall(edge, edge + 0.42, FRONTS, z, z + high, shutters)
                if balconies and column % 2 == 1:
                    self._balcony(x, z - 0.55)

    def _window(self, left: float, right: float, bottom: float, top: float, plaster: Color) -> None:
        y, glass = FRONTS, self._rng.uniform(0.6, 1.15)
        self._wall(left - 0.1, right + 0.1, y, bottom - 0.08, top + 0.12, _times(plaster, 1.14))
        self._wall(left, right, y, bottom, top, (60, 58, 56))
        inner, outer, low, dim = left + 0.06, right - 0.06, bottom + 0.06, bottom + 0.45 * (top - bottom)
        self._wall(inner, outer, y, low, top - 0.14, _times((112, 98, 84), glass))
        self._wall(inner, outer, y, low, dim, _times((74, 66, 60), glass))
        if self._rng.random() < 0.4:
            self._wall(inner, left + 0.32, y, low, top - 0.14, (176, 184, 188))  # curtain
        middle, bar = (left + right) / 2, bottom + 0.66 * (top - bottom)
        self._wall(middle - 0.035, middle + 0.035, y, bottom, top - 0.1, (214, 216, 218))
        self._wall(left, right, y, bar, bar + 0.06, (214, 216, 218))
        self._wall(left - 0.16, right + 0.16, y, bottom - 0.2, bottom - 0.06, _times(plaster, 1.2))
        self._wall(left - 0.16, right + 0.16, y, bottom - 0.34, bottom - 0.2, _times(plaster, 0.78))

    def _balcony(self, x: float, z: float) -> None:
        y = FRONTS - 0.8
        self._wall(x - 1.0, x + 1.0, y, z - 0.16, z, (168, 172, 174))
        self._wall(x - 1.0, x + 1.0, y, z + 0.86, z + 0.92, (50, 48, 48))
        for bar in np.arange(x - 1.0, x + 1.01, 0.2):
            self._wall(bar - 0.018, bar + 0.018, y, z, z + 0.9, (50, 48, 48))

    def _shop(self, left: float, right: float) -> None:
        rng, y = self._rng, FRONTS
        door = left + rng.uniform(0.8, 1.6)
        self._wall(door, door + 1.1, y, 0, 2.5, (52, 56, 66))
        self._wall(door + 0.1, door + 1.0, y, 0.1, 2.4, _times((52, 68, 92), rng.uniform(0.7, 1.3)))
        start, color = door + 1.7, _PAINT[int(rng.integers(len(_PAINT)))]
        self._wall(start, right - 0.6, y, 0.4, 3.0, _times(color, 0.7))
        pane = (right - 0.6 - start) / 3
        for index in range(3):
            x = start + index * pane
            self._wall(x + 0.1, x + pane - 0.1, y, 0.6, 2.5, (64, 60, 56))
            self._wall(x + 0.1, x + pane - 0.1, y, 1.5, 2.5, (98, 90, 82))
            for _ in range(4):
                item = x + rng.uniform(0.2, pane - 0.6)
                tint = _times(_PLASTER[int(rng.integers(len(_PLASTER)))], rng.uniform(0.4, 0.8))
                self._wall(item, item + 0.3, y, 0.6, 0.6 + rng.uniform(0.3, 0.9), tint)
        self._wall(start, right - 0.6, y, 3.0, 3.55, color)
        stripes = np.arange(start, right - 0.9, 0.6)
        for index, x in enumerate(stripes):
            tint = color if index % 2 else (206, 210, 214)
            self._face(
                [(x, y, 2.95), (x + 0.6, y, 2.95), (x + 0.6, y - 1.3, 2.4), (x, y - 1.3, 2.4)], _times(tint, 0.95)
            )
            self._wall(x, x + 0.6, y - 1.3, 2.18, 2.4, _times(tint, 0.78))

    def _tree(self, x: float, y: float) -> None:
        rng = self._rng
        around = np.linspace(0, 2 * math.pi, 24, endpoint=False)
        self._shadow([(x + 2.4 + 2.6 * math.cos(a), y + 2 + 2.1 * math.sin(a)) for a in around], 0.38, soft_px=7)
        for share in np.linspace(-1, 0.8, 8):
            light = 46 + 44 * max(0.0, -share)
            self._wall(x + 0.16 * share, x + 0.16 * (share + 0.27), y, 0, 3.2, (light * 0.72, light * 0.86, light))
        crown, hue = np.array([x, y, 4.9]), rng.uniform(0.85, 1.15)
        boughs = rng.standard_normal((6, 3)) * (0.75, 0.75, 0.6)
        leaves = rng.standard_normal((360, 3))
        leaves *= rng.uniform(0.2, 1.0, (360, 1)) ** 0.4 * 1.15 / np.linalg.norm(leaves, axis=1)[:, None]
        leaves += np.repeat(boughs, 60, axis=0)
        for leaf in leaves[np.argsort(leaves @ SUN)]:
            light = min(max(0.66 + 0.2 * float(leaf @ SUN) + rng.uniform(-0.1, 0.1), 0.28), 1.1)
            self._blob(crown + leaf, rng.uniform(0.1, 0.29), _times((54 * hue, 112, 88 / hue), light))

    def _lamp(self, x: float, y: float) -> None:
        self._wall(x - 0.07, x + 0.07, y, 0, 5.2, (70, 74, 72))
        self._wall(x - 0.07, x - 0.02, y, 0, 5.2, (108, 112, 110))
        self._wall(x - 0.11, x + 0.11, y, 0, 0.8, (62, 66, 64))
        self._wall(x - 0.2, x + 0.2, y, 5.2, 5.65, (196, 208, 214))
        self._wall(x - 0.26, x + 0.26, y, 5.65, 5.75, (58, 60, 60))

    def _planter(self, x: float, y: float) -> None:
        self._shadow([(x - 0.9, y - 0.2), (x + 1, y - 0.2), (x + 1.7, y + 0.9), (x - 0.4, y + 0.9)], 0.4, soft_px=3)
        self._wall(x - 0.9, x + 0.9, y + 0.5, 0.0, 0.55, (84, 88, 92))
        self._wall(x - 0.9, x + 0.9, y - 0.2, 0.0, 0.55, (130, 136, 142))
        self._wall(x - 0.9, x + 0.9, y - 0.2, 0.49, 0.55, (158, 164, 170))
        leaves = self._rng.uniform((-0.85, -0.1, 0.5), (0.85, 0.4, 0.95), (170, 3))
        for leaf in leaves[np.argsort(leaves[:, 2])]:
            light = 0.1 + 0.9 * leaf[2] + self._rng.uniform(-0.12, 0.12)
            self._blob(np.array([x, y, 0.0]) + leaf, self._rng.uniform(0.05, 0.12), _times((62, 118, 84), light))

    def _shadow(self, ground: list[tuple[float, float]], strength: float, soft_px: float) -> None:
        seen = _in_front(self._view.rays(np.array([(*place, 0.0) for place in ground])))
        darken(self.picture, _pixels(seen), strength, soft_px)

    def _blob(self, center: Points, radius: float, color: Color) -> None:
        pixel = fixed_point(self._view.project(center))
        size = round(radius * self._view.px_per_m(center) * 2**_SHIFT)
        cv2.circle(
            self.picture, (int(pixel[0]), int(pixel[1])), size, self._hazy(center, color), -1, cv2.LINE_AA, _SHIFT
        )

    def _disc(self, x: float, y: float, radius: float, color: Color) -> None:
        around = np.linspace(0, 2 * math.pi, 20, endpoint=False)
        self._face([(x + radius * math.cos(a), y + radius * math.sin(a), 0.0) for a in around], color)

    def _ground(self, left: float, right: float, near: float, far: float, color: Color) -> None:
        self._face([(left, near, 0), (right, near, 0), (right, far, 0), (left, far, 0)], color)

    def _wall(self, left: float, right: float, y: float, bottom: float, top: float, color: Color) -> None:
        self._face([(left, y, bottom), (right, y, bottom), (right, y, top), (left, y, top)], color)

    def _face(self, corners: list[tuple[float, float, float]], color: Color) -> None:
        points = np.array(corners)
        seen = _in_front(self._view.rays(points))
        if len(seen) < 3:
            return
        tint = (*self._hazy(points.sum(axis=0) / len(points), color), self._front)
        cv2.fillPoly(self.picture, [fixed_point(_pixels(seen))], tint, cv2.LINE_AA, _SHIFT)

    def _hazy(self, point: Points, color: Color) -> Color:
        away = point - EYE
        haze = 0.75 * (1 - math.exp(-math.sqrt(away @ away) / 140))
        blue, green, red = (c + (h - c) * haze for c, h in zip(color, _HAZE, strict=True))
        return blue, green, red


def darken(picture: Picture, outline: Points, strength: float, soft_px: float) -> None:
    """Multiply the area inside ``outline`` (N, 2) pixels by 1 - strength, with soft edges, in place."""
    height, width = picture.shape[:2]
    reach = math.ceil(2 * soft_px)
    left, top = np.maximum(np.floor(outline.min(axis=0)).astype(int) - reach, 0)
    right, bottom = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + reach, (width, height))
    if right <= left or bottom <= top:
        return
    kept = np.full((bottom - top, right - left), 255, np.uint8)
    cv2.fillPoly(kept, [fixed_point(outline - (left, top))], 255 * (1 - strength), cv2.LINE_8, _SHIFT)
    kept = np.asarray(cv2.GaussianBlur(kept, (0, 0), soft_px), np.uint8)
    part = picture[top:bottom, left:right]
    cv2.multiply(part, cv2.merge([kept] * picture.shape[2]), dst=part, scale=1 / 255)


def _pixels(rays: Points) -> Points:
    return rays[..., :2] / rays[..., 2:]


def _in_front(rays: Points, nearest: float = 0.5) -> Points:
    """The part of a polygon of rays (N, 3) that lies before the camera (Sutherland and Hodgman 1974)."""
    if (rays[:, 2] >= nearest).all():  # nearly every face of the street
        return rays
    kept: list[Points] = []
    for one, two in zip(rays, np.roll(rays, -1, axis=0), strict=True):
        if one[2] >= nearest:
            kept.append(one)
        if (one[2] >= nearest) != (two[2] >= nearest):
            kept.append(one + (two - one) * (nearest - one[2]) / (two[2] - one[2]))
    return np.array(kept)


def _times(color: Color, factor: float) -> Color:
    blue, green, red = (min(255.0, c * factor) for c in color)
    return blue, green, red
