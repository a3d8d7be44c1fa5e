"""The network that is trained: conv1_1, conv1_2 and conv2_1 of VGG-19 (Simonyan & Zisserman 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

TAPS = {"11": 64, "12": 64, "21": 128}
MEAN_BGR = (103.939, 116.779, 123.68)

# Pixels are divided by this inside the training only, so that the first layer learns at the others' pace.
_PIXEL_SCALE = 64.0


class Front(nn.Module):  # type: ignore[misc]
    """Three 3x3 convolutions with ReLU, a 2x2 max-pool before the third; torchvision's parameter names."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.ModuleDict(
            {
                "0": nn.Conv2d(3, 64, 3, padding=1),
                "2": nn.Conv2d(64, 64, 3, padding=1),
                "5": nn.Conv2d(64, 128, 3, padding=1),
            }
        )
        for conv in self.features.values():
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute taps 11, 12 (N, 64, H, W), 21 (N, 128, H/2, W/2) of BGR ``pixels`` (N, 3, H, W)."""
        mean = torch.tensor(MEAN_BGR).view(1, 3, 1, 1)
        x = ((pixels - mean) / _PIXEL_SCALE).contiguous(memory_format=torch.channels_last)
        tap11 = functional.relu(self.features["0"](x))
        tap12 = functional.relu(self.features["2"](tap11))
        tap21 = functional.relu(self.features["5"](functional.max_pool2d(tap12, 2)))
        return tap11, tap12, tap21


def to_state(parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    """Parameters for pixels of 0..255 minus the mean, float16: the first layer takes up the pixel scale."""
    state = {name: value.detach().clone() for name, value in parameters.items()}
    state["features.0.weight"] /= _PIXEL_SCALE
    return {name: value.half().contiguous() for name, value in state.items()}
