"""A network as a straight program of steps with their weights: `prune` makes it, `graph` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cdedge_runtime.errors import Usage
from cdedge_runtime.model.contract import InputConvention

from .backbones import Backbone, Conv, Layer, Lrn, Pool

_PROBE_PX = 256  # large enough for every network, and a multiple of VGG's strides

Floats = npt.NDArray[np.float32]
Patches = npt.NDArray[np.uint8]
Size = tuple[int, int]


@dataclass(frozen=True)
class ConvStep:
    """Convolution and ReLU; ``weight`` (out, in, k, k), ``bias`` (out,)."""

    name: str
    weight: Floats
    bias: Floats
    stride: int
    pad: int


@dataclass(frozen=True)
class FireStep:
    """A squeeze convolution and the expansions left of it (one or two), concatenated."""

    name: str
    squeeze: ConvStep
    branches: tuple[ConvStep, ...]


@dataclass(frozen=True)
class SelectStep:
    """The trunk narrowed to ``channels`` (positions among its current channels)."""

    name: str
    channels: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Projection:
    """Linear combinations of a tap's features, raised to ``power`` first: matrix (q, C), a 1x1 convolution.

    signed: the features are of both signs, which they keep: sign(x) |x|^power.
    """

    matrix: Floats
    power: float
    signed: bool = False


@dataclass(frozen=True)
class TapStep:
    """``channels`` (positions among the trunk's) delivered on the common grid, or combined; the trunk goes on."""

    name: str
    channels: tuple[int, ...]
    projection: Projection | None = None

    @property
    def delivered(self) -> int:
        """Number of maps that come out."""
        return len(self.channels) if self.projection is None else len(self.projection.matrix)


Step = ConvStep | FireStep | Pool | Lrn | SelectStep | TapStep


@dataclass(frozen=True)
class Network:
    """Steps from the preprocessed patch (1, 3, H, W) to the deepest tap, and the input convention."""

    steps: tuple[Step, ...]
    convention: InputConvention


@dataclass(frozen=True)
class Geometry:
    """Sizes (height, width): of the patch that goes in, and of the grid all taps come out on."""

    input_px: Size
    grid: Size


def with_projections(network: Network, projections: Mapping[str, Projection]) -> Network:
    """The network with its taps' features combined, by tap; one combined into nothing is dropped, with its layers."""
    steps = [replace(s, projection=projections.get(s.name)) if isinstance(s, TapStep) else s for s in network.steps]
    used = [step for step in steps if not isinstance(step, TapStep) or step.delivered]
    while not isinstance(used[-1], TapStep):
        used.pop()
    return replace(network, steps=tuple(used))


def conv_size(size: Size, step: Conv | ConvStep) -> Size:
    """Size of a convolution's output."""
    kernel = step.kernel if isinstance(step, Conv) else step.weight.shape[2]
    height, width = ((n + 2 * step.pad - kernel) // step.stride + 1 for n in size)
    return height, width


def pool_size(size: Size, pool: Pool) -> Size:
    """Size of a pooling's output."""
    up = pool.stride - 1 if pool.ceil else 0
    height, width = ((n - pool.kernel + up) // pool.stride + 1 for n in size)
    return height, width


def tap_sizes(backbone: Backbone, taps: tuple[str, ...], input_px: Size) -> dict[str, Size]:
    """Size (height, width) of each tap's own map for patches of ``input_px``; raises `Usage` if too small."""
    sizes, size = {}, input_px
    for layer in backbone.up_to(taps):
        size = layer_size(size, layer)
        if min(size) < 1:
            raise Usage(f"a {input_px[0]}x{input_px[1]} patch is too small for {backbone.name}'s layer {layer.name}")
        if layer.name in taps:
            sizes[layer.name] = size
    return sizes


def layer_size(size: Size, layer: Layer) -> Size:
    """Size of what a layer delivers."""
    if isinstance(layer, Pool):
        return pool_size(size, layer)
    return conv_size(size, layer) if isinstance(layer, Conv) else size


def stride_of(backbone: Backbone, taps: tuple[str, ...]) -> int:
    """Pixels of the patch per cell of the deepest of ``taps``, to the nearest whole number."""
    return round(_PROBE_PX / min(min(size) for size in tap_sizes(backbone, taps, (_PROBE_PX, _PROBE_PX)).values()))
