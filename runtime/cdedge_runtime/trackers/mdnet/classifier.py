"""Target against background, as MDNet learns it online: fully connected layers and their training, in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.filter.dft import Real

from .settings import MdNetSettings

Index = NDArray[np.int64]

_FRESH = 0.01  # standard deviation of the new last layer's weights


@dataclass(frozen=True)
class Dense:
    """A fully connected layer: weight (out, in), bias (out,), float32."""

    weight: Real
    bias: Real

    @property
    def nbytes(self) -> int:
        """Bytes of both."""
        return self.weight.nbytes + self.bias.nbytes


def forward(layers: Sequence[Dense], x: Real, masks: Sequence[Real] = ()) -> list[Real]:
    """What goes into each layer, then the scores (N, 2) of background and target.

    A ReLU stands between layers; ``masks`` are dropout's factors on the outputs of all layers but the last.
    """
    values = [x]
    for number, layer in enumerate(layers):
        out = values[-1] @ layer.weight.T + layer.bias
        if number < len(layers) - 1:
            np.maximum(out, 0, out=out)
            if masks:
                out *= masks[number]
        values.append(out)
    return values


def loss(scores: Real, labels: Index) -> float:
    """Mean cross entropy of softmax scores (N, 2) and labels 0 (background) or 1 (target)."""
    return float(-np.log(_softmax(scores)[np.arange(len(labels)), labels] + 1e-30).mean())


def gradients(
    layers: Sequence[Dense], values: Sequence[Real], labels: Index, masks: Sequence[Real] = ()
) -> list[Dense]:
    """Derivatives of `loss` by every layer's weight and bias, from what `forward` returned."""
    back = _softmax(values[-1])
    back[np.arange(len(labels)), labels] -= 1
    back /= np.float32(len(labels))
    found = []
    for number in reversed(range(len(layers))):
        found.append(Dense(back.T @ values[number], back.sum(axis=0)))
        if number:
            back = (back @ layers[number].weight) * (values[number] > 0)
            if masks:
                back *= masks[number - 1]
    return found[::-1]


def hardest(scores: Real, count: int) -> Index:
    """Positions of the negatives that look most like the target."""
    return np.argsort(-scores, kind="stable")[:count]


class Classifier:
    """The layers being trained. ``hidden`` are their first weights; the last layer starts anew from ``rng``."""

    def __init__(self, hidden: Sequence[Dense], rng: np.random.Generator, *, settings: MdNetSettings) -> None:
        self._rng, self._settings = rng, settings
        weight = (rng.standard_normal((2, len(hidden[-1].bias))) * _FRESH).astype(np.float32)
        last = Dense(weight, np.zeros(2, np.float32))
        self.layers = [*(Dense(layer.weight.copy(), layer.bias.copy()) for layer in hidden), last]

    def scores(self, x: Real) -> Real:
        """How much each of the features (N, D) looks like the target: (N,)."""
        return forward(self.layers, x)[-1][:, 1]

    def probabilities(self, x: Real) -> Real:
        """How probable the classifier finds it that each of the features (N, D) is the target: (N,) in 0..1."""
        return np.asarray(_softmax(forward(self.layers, x)[-1])[:, 1])

    def train(self, positives: Sequence[Real], negatives: Sequence[Real], *, iterations: int, rate: float) -> None:
        """Momentum descent on blocks of features (n, D); each step's negatives are the hardest of many."""
        settings, rng = self._settings, self._rng
        wanted = _cycled(rng, sum(map(len, positives)), iterations * settings.batch_positives)
        pool = min(settings.mined, sum(map(len, negatives)))
        others = _cycled(rng, sum(map(len, negatives)), iterations * pool)
        speeds = [Dense(np.zeros_like(layer.weight), np.zeros_like(layer.bias)) for layer in self.layers]
        for step in range(iterations):
            near = gathered(positives, wanted[step * settings.batch_positives :][: settings.batch_positives])
            far = gathered(negatives, others[step * pool : (step + 1) * pool])
            far = far[hardest(self.scores(far), settings.batch_negatives)]
            labels = np.repeat(np.array([1, 0]), [len(near), len(far)])
            self._step(np.concatenate([near, far]), labels, speeds, rate)

    def _step(self, x: Real, labels: Index, speeds: Sequence[Dense], rate: float) -> None:
        settings, masks = self._settings, self._masks(len(x))
        found = gradients(self.layers, forward(self.layers, x, masks), labels, masks)
        norm = float(np.sqrt(sum(np.vdot(part, part) for g in found for part in (g.weight, g.bias))))
        shrink = min(1.0, settings.gradient_limit / max(norm, 1e-12))
        for layer, speed, gradient in zip(self.layers, speeds, found, strict=True):
            step = rate * (settings.last_rate if layer is self.layers[-1] else 1.0)
            gradient.weight[...] = shrink * gradient.weight + np.float32(settings.weight_decay) * layer.weight
            _move(layer.weight, speed.weight, gradient.weight, settings.momentum, step)
            _move(layer.bias, speed.bias, shrink * gradient.bias, settings.momentum, 2 * step)

    def _masks(self, count: int) -> list[Real]:
        share = self._settings.dropout
        if share == 0:
            return []
        sizes = [(count, len(layer.bias)) for layer in self.layers[:-1]]
        return [(self._rng.random(size, np.float32) >= share) / np.float32(1 - share) for size in sizes]


def gathered(blocks: Sequence[Real], index: Index) -> Real:
    """Rows of several blocks (n, D) as if these were one, without making it."""
    ends = np.cumsum([len(block) for block in blocks])
    which = np.searchsorted(ends, index, side="right")
    rows = np.empty((len(index), blocks[0].shape[1]), np.float32)
    for number in np.unique(which):
        here = which == number
        rows[here] = blocks[number][index[here] - (ends[number] - len(blocks[number]))]
    return rows


def _cycled(rng: np.random.Generator, count: int, total: int) -> Index:
    """``total`` numbers below ``count``, each as often as the others, in random order within a round."""
    rounds = -(-total // count)
    return np.concatenate([rng.permutation(count) for _ in range(rounds)])[:total]


def _move(value: Real, speed: Real, gradient: Real, momentum: float, rate: float) -> None:
    speed *= np.float32(momentum)
    speed -= np.float32(rate) * gradient
    value += speed


def _softmax(scores: Real) -> Real:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
