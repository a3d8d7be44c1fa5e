"""MDNet (Nam and Han 2016): candidates around the last box, told apart by layers that are trained while tracking."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.box import Box, BoxLike
from cdedge_runtime.errors import BadInput, NotInitialized
from cdedge_runtime.estimate import CropFeatures, Estimate, Lap, Sizes, no_lap
from cdedge_runtime.filter.dft import Real
from cdedge_runtime.image import Frame, first_frame, next_frame
from cdedge_runtime.kinds import settings_of

from . import box_regression, candidates
from .classifier import Classifier, Dense
from .crops import CropNetwork
from .settings import MdNetSettings

HIDDEN = ("fc4", "fc5")  # layers whose first weights the file brings; fc6 starts anew for each target
CONSTANTS = tuple(f"{layer}.{part}" for layer in HIDDEN for part in ("weight", "bias"))
_BEST = 5  # candidates whose mean is the answer
_SHIFT_GROWTH, _LARGEST_SHIFT = 1.1, 1.5


class MdNet:
    """A `ModelTracker`; the target is lost where the best candidates' mean output for the target is below 0.

    The score is their mean probability as the classifier sees it, which nobody has calibrated.
    """

    def __init__(self, features: CropFeatures) -> None:
        self.spec = features.spec
        self._settings = settings_of(self.spec, MdNetSettings)
        self._network = CropNetwork(features)
        values = features.constants(CONSTANTS)
        self._hidden = [Dense(weight, bias) for weight, bias in zip(values[::2], values[1::2], strict=True)]
        self._classifier: Classifier | None = None

    def init(self, frame: NDArray[np.generic], box: BoxLike, lap: Lap = no_lap) -> Estimate:
        """Learn the target from its first frame; raises `BadInput` for a box that cannot be tracked or sampled."""
        settings = self._settings
        image, box = first_frame(frame, box)
        candidates.check_sampling(box, image.shape)
        self._classifier = None  # until all is learned
        self._shape = image.shape
        self._rng = np.random.default_rng(settings.seed)
        self._frame, self._box, self._shift = 0, box, settings.shift
        boxes = candidates.regression_boxes(self._rng, box, settings.box_samples, frame_shape=image.shape)
        features = self._network(image, _some(boxes, "close to"), lap)
        self._regression = box_regression.fit(features, boxes, box, ridge=settings.box_ridge)
        learned = self._learn_first(image, lap)
        lap("update")
        self._classifier = learned
        return Estimate(box, 1.0, lost=False)

    def update(self, frame: NDArray[np.generic], lap: Lap = no_lap) -> Estimate:
        """Find the target in the next frame and learn from it."""
        if self._classifier is None:
            raise NotInitialized
        image, settings = next_frame(frame, self._shape), self._settings
        self._frame += 1
        reported, found, score = self._locate(image, self._classifier, lap)
        self._shift = settings.shift if found else min(_LARGEST_SHIFT, _SHIFT_GROWTH * self._shift)
        lap("response")
        if found:
            self._remember(image, lap)
        if not found or self._frame % settings.update_every == 0:
            positives = list(self._positives)[0 if found else -settings.short_frames :]
            self._classifier.train(positives, self._negatives, iterations=settings.iterations, rate=settings.rate)
        lap("update")
        return Estimate(reported, score, lost=not found)

    def sizes(self) -> Sizes:
        """What the model and the samples take, by shape; raises `NotInitialized` before ``init``."""
        if self._classifier is None:
            raise NotInitialized
        samples = sum(block.nbytes for block in (*self._positives, *self._negatives))
        # Trained layers, and as much again for the speeds of the descent.
        trained = 2 * sum(layer.nbytes for layer in self._classifier.layers)
        state = samples + trained + self._regression.weight.nbytes
        return Sizes(self.spec.weight_bytes, self.spec.activation_bytes, state, self._network.nbytes)

    def _learn_first(self, image: Frame, lap: Lap) -> Classifier:
        settings, rng, box, shape = self._settings, self._rng, self._box, image.shape
        boxes = candidates.positives(rng, box, settings.first_positives, frame_shape=shape)
        positives = self._network(image, _some(boxes, "on"), lap)
        boxes = candidates.first_negatives(rng, box, settings.first_negatives, frame_shape=shape)
        negatives = self._network(image, _some(boxes, "beside"), lap)
        classifier = Classifier(self._hidden, rng, settings=settings)
        classifier.train([positives], [negatives], iterations=settings.first_iterations, rate=settings.first_rate)
        boxes = candidates.negatives(rng, box, settings.negatives, below=0.5, frame_shape=shape)
        self._positives = deque([positives], maxlen=settings.long_frames)
        self._negatives = deque([self._network(image, _some(boxes, "beside"), lap)], maxlen=settings.short_frames)
        return classifier

    def _locate(self, image: Frame, classifier: Classifier, lap: Lap) -> tuple[Box, bool, float]:
        """Go to the mean of the best candidates; returns the box to report, whether it is found, and its score."""
        settings = self._settings
        boxes = candidates.gaussian(
            self._rng,
            self._box,
            settings.candidates,
            shift=self._shift,
            steps=settings.scale_steps,
            frame_shape=image.shape,
        )
        features = self._network(image, boxes, lap)
        scores = classifier.scores(features)
        if not np.isfinite(scores).all():  # as for the other trackers: the box stays
            return self._box, False, 0.0
        best = np.argsort(-scores, kind="stable")[:_BEST]
        self._box = candidates.mean_box(boxes[best])
        score = float(classifier.probabilities(features[best]).mean())
        if scores[best].mean() > 0:
            return candidates.mean_box(self._regression(features[best], boxes[best])), True, score
        return self._box, False, score

    def _remember(self, image: Frame, lap: Lap) -> None:
        """Keep samples of this frame, in which the target was found."""
        settings, rng, box, shape = self._settings, self._rng, self._box, image.shape
        on = candidates.positives(rng, box, settings.positives, frame_shape=shape)
        beside = candidates.negatives(rng, box, settings.negatives, below=0.3, frame_shape=shape)
        if len(on) and len(beside):
            features: Real = self._network(image, np.concatenate([on, beside]), lap)
            self._positives.append(features[: len(on)])
            self._negatives.append(features[len(on) :])


def _some(boxes: candidates.Boxes, where: str) -> candidates.Boxes:
    if not len(boxes):
        raise BadInput(f"MDNet found no sample {where} the target: the frame is too small for it; crop less")
    return boxes
