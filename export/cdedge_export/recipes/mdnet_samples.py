"""The samples that MDNet's channels are judged by: crops of two frames in PyTorch, on the target and beside it."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np

from cdedge_export.network.backbones import Backbone
from cdedge_export.network.layers import Floats, Patches
from cdedge_export.network.torch_net import extract
from cdedge_export.network.weights import Weights
from cdedge_runtime.box import Box
from cdedge_runtime.image import Frame
from cdedge_runtime.trackers.mdnet import candidates
from cdedge_runtime.trackers.mdnet.crops import BATCH, crop
from cdedge_runtime.trackers.mdnet.settings import MdNetSettings

from .distill_mdnet import TAP, Samples, surrogate

INPUT_PX = (107, 107)
GRID = (3, 3)
_COUNT = 250  # of target and of background, in each frame


def two_frames(
    frames: list[Frame], box: Box, backbone: Backbone, weights: Weights, settings: MdNetSettings
) -> tuple[Samples, Samples]:
    """Both frames' samples; in frame 2 the target is where the surrogate of frame 1, with all channels, finds it."""
    rng = np.random.default_rng(settings.seed)

    def features(frame: Frame, boxes: candidates.Boxes) -> Floats:
        parts = [boxes[start : start + BATCH] for start in range(0, len(boxes), BATCH)]
        found = [extract(backbone, weights, [TAP], patches=crops_of(frame, part), grid=GRID)[TAP] for part in parts]
        return np.concatenate(found)

    def samples(frame: Frame, where: Box) -> Samples:
        shape = frame.shape
        near = candidates.positives(rng, where, _COUNT, frame_shape=shape)
        far = candidates.first_negatives(rng, where, _COUNT, frame_shape=shape)
        boxes = np.concatenate([np.array([astuple(where)]), near, far])
        maps = features(frame, boxes)
        labels = np.repeat(np.array([1, -1], np.float32), [1 + len(near), len(far)])
        return Samples(maps, labels, maps[0])

    first = samples(frames[0], box)
    flat, mean = first.maps.reshape(*first.maps.shape[:2], -1), first.maps.mean(axis=0)
    wanted = surrogate(flat - mean.reshape(len(mean), -1), first.labels)
    boxes = candidates.gaussian(
        rng, box, settings.candidates, shift=settings.shift, steps=settings.scale_steps, frame_shape=frames[1].shape
    )
    scores = features(frames[1], boxes).reshape(len(boxes), -1) @ wanted.ravel()
    return first, samples(frames[1], candidates.mean_box(boxes[np.argsort(-scores, kind="stable")[:5]]))


def crops_of(frame: Frame, boxes: candidates.Boxes) -> Patches:
    """Crops (N, 107, 107, 3) of boxes (N, 4)."""
    crops = np.empty((len(boxes), *INPUT_PX, 3), np.uint8)
    for box, out in zip(boxes, crops, strict=True):
        crop(frame, box, out=out)
    return crops
