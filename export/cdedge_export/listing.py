"""What of a network can be tapped, whichever kind it is. Needs PyTorch only for a torchvision model."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .network.backbones import BACKBONES, Backbone, Conv, Fire, Pool
from .network.layers import Size, layer_size
from .onnx_net.taps import TapInfo, taps
from .onnx_net.torchvision_net import open_network


def listed(network: str, input_px: Size) -> tuple[str, tuple[TapInfo, ...]]:
    """Name and taps of a built-in backbone, an ``.onnx`` file or a torchvision model, for images of (height, width).

    Raises `Usage` or `BadModel`.
    """
    if network in BACKBONES:
        return network, tuple(_built_in(BACKBONES[network], input_px))
    graph = open_network(network)
    return graph.name, taps(graph, input_px)


def _built_in(backbone: Backbone, input_px: Size) -> Iterator[TapInfo]:
    size, stride, weight_bytes, macs = input_px, 1, 0, 0
    for layer in backbone.layers:
        size = layer_size(size, layer)
        if min(size) < 1:
            return
        if isinstance(layer, Conv | Pool):
            stride *= layer.stride
        if isinstance(layer, Conv | Fire):
            shapes = layer.parameters().values()
            weight_bytes += sum(4 * math.prod(shape) for shape in shapes)
            macs += sum(math.prod(shape) for shape in shapes if len(shape) > 1) * math.prod(size)
        if not isinstance(layer, Pool):
            name, op, channels = layer.name, type(layer).__name__, layer.outputs
            yield TapInfo(name, name, name, op, channels, size, stride, weight_bytes, macs, inner=False)
