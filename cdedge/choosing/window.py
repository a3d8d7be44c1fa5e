"""Choosing in an OpenCV window, where this machine can show one."""

from __future__ import annotations

import os
import sys

import cv2

from cdedge_runtime.box import Box
from cdedge_runtime.image import Frame

_LARGEST_PX = (1280, 800)


def can_show() -> bool:
    """Whether there is a display, and an OpenCV that can draw on it (the headless one cannot)."""
    display = sys.platform in ("win32", "darwin") or any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY"))
    framework = getattr(cv2, "currentUIFramework", lambda: "")  # too old to tell: too old for the window, too
    return display and bool(framework())


def ask(frame: Frame, title: str) -> Box | None:
    """The box that the user draws on the frame (H, W, 3) uint8 BGR; None for none. Enter takes it, c gives up."""
    height, width = frame.shape[:2]
    shrink = min(1.0, _LARGEST_PX[0] / width, _LARGEST_PX[1] / height)
    cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
    cv2.resizeWindow(title, round(width * shrink), round(height * shrink))
    try:
        box = Box(*(float(v) for v in cv2.selectROI(title, frame, showCrosshair=False, printNotice=False)))
    finally:
        cv2.destroyWindow(title)
    return box if box.width > 0 and box.height > 0 else None
