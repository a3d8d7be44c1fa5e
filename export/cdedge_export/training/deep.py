"""The deep network that is trained: ``cdedge_deep``, batch-normalised, and a head that answers as the teacher does."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cdedge_export.network.backbones import CDEDGE_DEEP, Conv

TAPS = ("conv4", "conv8")  # at stride 8 and 16

# Pixels are divided by this inside the training only, so that the first layer learns at the others' pace.
_PIXEL_SCALE = 64.0


class Deep(nn.Module):  # type: ignore[misc]
    """``cdedge_deep``'s convolutions, each with its batch normalisation and ReLU, and a 1x1 ``head`` behind the last.

    The pixels come as they are, 0..255, so that zero padding is black here, in the exported file and for the teacher.
    """

    def __init__(self, taught: int) -> None:
        super().__init__()
        layers = [layer for layer in CDEDGE_DEEP.layers if isinstance(layer, Conv)]
        self.names = tuple(layer.name for layer in layers)
        self.convs = nn.ModuleList(_convolution(layer) for layer in layers)
        self.norms = nn.ModuleList(nn.BatchNorm2d(layer.outputs, momentum=0.05) for layer in layers)
        self.head = nn.Conv2d(layers[-1].outputs, taught, 1)

    def forward(self, pixels: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Compute the `TAPS` and the head's answer (N, taught, H / 16, W / 16) of BGR ``pixels`` (N, 3, H, W)."""
        x = (pixels / _PIXEL_SCALE).contiguous(memory_format=torch.channels_last)
        taps = {}
        for name, conv, norm in zip(self.names, self.convs, self.norms, strict=True):
            x = functional.relu(norm(conv(x)))
            if name in TAPS:
                taps[name] = x
        return taps, self.head(x)

    def state(self) -> dict[str, Tensor]:
        """Give what is shipped: float16, the normalisations folded into the convolutions, for pixels of 0..255."""
        state = {}
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            weight = conv.weight * gain.view(-1, 1, 1, 1) / (_PIXEL_SCALE if number == 0 else 1)
            state[f"features.{number}.weight"] = weight
            state[f"features.{number}.bias"] = norm.bias - norm.running_mean * gain
        return {name: value.detach().half().contiguous() for name, value in state.items()}


def _convolution(layer: Conv) -> nn.Conv2d:
    conv = nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.pad, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return conv
