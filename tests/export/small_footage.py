"""Photographs and one video of noise, small enough to train on in a test."""

from pathlib import Path

import cv2
import numpy as np

from cdedge_export.training.footage import Footage, Video


def small_footage() -> Footage:
    """Four photographs, and six frames in which a thing moves before a scene."""
    rng = np.random.default_rng(3)
    scene, thing = _textured(rng), _textured(rng, 18, 24)
    frames, boxes = [], []
    for number in range(6):
        frame, x = scene.copy(), 10 + 8 * number
        frame[30:48, x : x + 24] = thing
        frames.append(frame)
        boxes.append((x, 30, 24, 18))
    video = Video("thing", tuple(frames), np.array(boxes, float))
    return Footage(tuple(_textured(rng) for _ in range(4)), (video,))


def save_footage(folder: Path, footage: Footage) -> None:
    """Write it as the training script reads it."""
    (folder / "images").mkdir()
    for number, photograph in enumerate(footage.photographs):
        cv2.imwrite(str(folder / "images" / f"{number}.jpg"), photograph)
    for video in footage.videos:
        (folder / "videos" / video.name / "img").mkdir(parents=True)
        for number, frame in enumerate(video.frames):
            cv2.imwrite(str(folder / "videos" / video.name / "img" / f"{number:04}.jpg"), frame)
        np.savetxt(folder / "videos" / video.name / "groundtruth_rect.txt", video.boxes, "%.2f", ",")


def _textured(rng: np.random.Generator, height: int = 72, width: int = 96) -> np.ndarray:
    coarse = rng.uniform(0, 255, (height // 6, width // 6, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
