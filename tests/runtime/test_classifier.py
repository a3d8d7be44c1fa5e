"""MDNet's layers in numpy: gradients, mining, training; and the samples that it draws; and its box regression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput
from cdedge_runtime.trackers.mdnet import box_regression, candidates
from cdedge_runtime.trackers.mdnet.classifier import Classifier, Dense, forward, gathered, gradients, hardest, loss
from cdedge_runtime.trackers.mdnet.settings import MdNetSettings

SHAPE = (240, 320, 3)
TARGET = Box(120, 90, 50, 36)
SETTINGS = MdNetSettings(dropout=0.0, first_rate=1e-2)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def hidden(inputs: int = 12, width: int = 7, seed: int = 1) -> list[Dense]:
    draw = rng(seed)
    shapes = ((width, inputs), (width, width))
    return [
        Dense((draw.standard_normal(s) * 0.5).astype(np.float32), draw.standard_normal(s[0]).astype(np.float32))
        for s in shapes
    ]


@pytest.mark.parametrize("dropped", [False, True])
def test_gradients_equal_differences_of_the_loss(dropped: bool) -> None:
    draw = rng()
    layers = [*hidden(), Dense(draw.standard_normal((2, 7)).astype(np.float32), np.zeros(2, np.float32))]
    layers = [Dense(x.weight.astype(np.float64), x.bias.astype(np.float64)) for x in layers]  # type: ignore[arg-type]
    x, labels = draw.standard_normal((9, 12)), np.array([1, 0, 0] * 3)
    masks = [2.0 * (draw.random((9, 7)) < 0.5) for _ in range(2)] if dropped else []

    def value() -> float:
        return loss(forward(layers, x, masks)[-1], labels)

    found = gradients(layers, forward(layers, x, masks), labels, masks)
    for layer, gradient in zip(layers, found, strict=True):
        for array, wanted in ((layer.weight, gradient.weight), (layer.bias, gradient.bias)):
            for at in np.ndindex(array.shape):
                kept, sides = array[at], []
                for step in (1e-5, -1e-5):
                    array[at] = kept + step
                    sides.append(value())
                array[at] = kept
                assert (sides[0] - sides[1]) / 2e-5 == pytest.approx(wanted[at], abs=1e-6)


def test_the_hardest_negatives_are_the_best_scored() -> None:
    scores = rng().permutation(50).astype(np.float32)
    assert sorted(scores[hardest(scores, 7)]) == [43, 44, 45, 46, 47, 48, 49]


def test_training_uses_only_the_hardest_of_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(SETTINGS, batch_positives=4, batch_negatives=3, mined=20)
    learner = Classifier(hidden(), rng(), settings=settings)
    negatives, seen = rng(3).standard_normal((20, 12)).astype(np.float32), []
    wanted = negatives[np.argsort(-learner.scores(negatives))[:3]]
    monkeypatch.setattr(learner, "_step", lambda x, labels, *_: seen.append((x, labels)))
    learner.train([np.zeros((5, 12), np.float32)], [negatives], iterations=1, rate=1.0)
    ((x, labels),) = seen
    np.testing.assert_array_equal(x[labels == 0], wanted)
    assert (labels == 1).sum() == 4


def test_training_separates_what_can_be_separated_and_only_from_its_seed() -> None:
    def learned(seed: int) -> Classifier:
        learner = Classifier(hidden(width=24), rng(seed), settings=replace(SETTINGS, dropout=0.5))
        draw = rng(4)
        near = (draw.standard_normal((60, 12)) + 1).astype(np.float32)
        far = (draw.standard_normal((300, 12)) - 1).astype(np.float32)
        learner.train([near[:20], near[20:]], [far], iterations=60, rate=1e-2)
        assert learner.scores(near).mean() > 0 > learner.scores(far).mean()
        return learner

    first, again, other = (learned(seed).layers for seed in (0, 0, 1))
    assert all(np.array_equal(a.weight, b.weight) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].weight, other[0].weight)


def test_training_leaves_the_first_weights_as_they_were() -> None:
    layers = hidden()
    before = layers[0].weight.copy()
    learner = Classifier(layers, rng(), settings=SETTINGS)
    learner.train([np.ones((3, 12), np.float32)], [np.zeros((3, 12), np.float32)], iterations=3, rate=0.1)
    np.testing.assert_array_equal(layers[0].weight, before)


def test_huge_features_do_not_break_the_descent() -> None:
    learner = Classifier(hidden(), rng(), settings=SETTINGS)
    near, far = (np.full((8, 12), value, np.float32) for value in (1e6, -1e6))
    learner.train([near], [far], iterations=20, rate=0.1)
    assert all(np.isfinite(layer.weight).all() for layer in learner.layers)


def test_rows_of_blocks_are_those_of_the_whole() -> None:
    blocks = [rng(i).standard_normal((n, 3)).astype(np.float32) for i, n in enumerate((4, 1, 6))]
    index = rng().integers(0, 11, 30)
    np.testing.assert_array_equal(gathered(blocks, index), np.concatenate(blocks)[index])


def test_overlaps_are_those_of_boxes() -> None:
    boxes = candidates.uniform(rng(), TARGET, 50, shift=1, steps=5, frame_shape=SHAPE)
    np.testing.assert_allclose(candidates.overlaps(boxes, TARGET), [Box(*box).iou(TARGET) for box in boxes.tolist()])


@pytest.mark.parametrize("target", [TARGET, Box(0, 0, 12, 12), Box(280, 200, 40, 40), Box(5, 5, 300, 220)])
def test_samples_overlap_the_target_as_asked(target: Box) -> None:
    draws = {
        "positives": candidates.positives(rng(), target, 40, frame_shape=SHAPE),
        "first_negatives": candidates.first_negatives(rng(), target, 80, frame_shape=SHAPE),
        "negatives": candidates.negatives(rng(), target, 40, below=0.3, frame_shape=SHAPE),
        "regression": candidates.regression_boxes(rng(), target, 30, frame_shape=SHAPE),
    }
    shares = {name: candidates.overlaps(boxes, target) for name, boxes in draws.items()}
    assert all(len(share) for share in shares.values())
    assert shares["positives"].min() > 0.7
    assert shares["regression"].min() > 0.6
    assert shares["first_negatives"].max() < 0.5
    assert shares["negatives"].max() < 0.3
    for boxes in draws.values():
        centers = boxes[:, :2] + boxes[:, 2:] / 2
        assert (centers >= -1e-9).all()
        assert (centers <= (320 + 1e-9, 240 + 1e-9)).all()
        assert boxes[:, 2:].min() >= 10


def test_candidates_stay_within_their_reach() -> None:
    boxes = candidates.gaussian(rng(), TARGET, 500, shift=0.6, steps=1, frame_shape=SHAPE)
    offsets = np.abs(boxes[:, :2] + boxes[:, 2:] / 2 - TARGET.center)
    assert offsets.max() == pytest.approx(0.6 * 43)  # mean of the sides 50 and 36; the normal draws are cut off there
    assert offsets.mean() < 0.3 * 43
    np.testing.assert_allclose(boxes[:, 2] / boxes[:, 3], 50 / 36)
    assert boxes[:, 2].max() == pytest.approx(50 * 1.05)


@pytest.mark.parametrize("box", [Box(10, 10, 9, 30), Box(10, 10, 30, 9.5), Box(0, 0, 311, 30), Box(0, 0, 30, 235)])
def test_a_target_that_cannot_be_sampled_is_refused(box: Box) -> None:
    candidates.check_sampling(TARGET, SHAPE)
    with pytest.raises(BadInput, match=r"samples boxes from 10 px .* 310x230"):
        candidates.check_sampling(box, SHAPE)


def test_box_regression_recovers_a_linear_offset() -> None:
    """Features that tell the offset linearly: the regression finds the target for boxes it has not seen."""
    draw = rng(5)
    mixing = draw.standard_normal((4, 60))

    def features(boxes: np.ndarray) -> np.ndarray:
        centers = (np.array(TARGET.center) - boxes[:, :2] - boxes[:, 2:] / 2) / boxes[:, 2:]
        offsets = np.concatenate([centers, np.log(np.array(TARGET.size) / boxes[:, 2:])], axis=1)
        return (10 * offsets @ mixing + 3).astype(np.float32)

    boxes = candidates.regression_boxes(draw, TARGET, 40, frame_shape=SHAPE)
    fitted = box_regression.fit(features(boxes), boxes, TARGET, ridge=1e-3)
    others = candidates.regression_boxes(draw, TARGET, 20, frame_shape=SHAPE)
    found = fitted(features(others), others)
    assert candidates.overlaps(others, TARGET).max() < 0.97
    np.testing.assert_allclose(found, np.tile([120, 90, 50, 36], (len(others), 1)), atol=0.1)


def test_a_strong_ridge_leaves_the_mean_offset() -> None:
    boxes = candidates.regression_boxes(rng(), TARGET, 30, frame_shape=SHAPE)
    features = rng(1).standard_normal((30, 50)).astype(np.float32)
    fitted = box_regression.fit(features[: len(boxes)], boxes, TARGET, ridge=1e12)
    found = fitted(features[: len(boxes)], boxes)
    moved = (found[:, :2] + found[:, 2:] / 2 - boxes[:, :2] - boxes[:, 2:] / 2) / boxes[:, 2:]
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-6)
