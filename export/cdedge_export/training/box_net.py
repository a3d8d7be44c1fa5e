"""The box head that is trained: which cells of a window show the template's target, and how far its sides are."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from cdedge_export.network.own_head import BRANCHES, LOG_PX, OwnHead


class BoxHead(nn.Module):  # type: ignore[misc]
    """The layers of an `OwnHead`, each with its batch normalisation.

    ``strength`` (C,) is what the maps are divided by, so that every channel is about as strong.
    """

    def __init__(self, shape: OwnHead, strength: Tensor, typical_px: float) -> None:
        super().__init__()
        self.register_buffer("strength", strength.view(1, -1, 1, 1))
        self.template = nn.Conv2d(shape.channels, shape.compared, 1)
        self.window = nn.Conv2d(shape.channels, shape.compared, 1)
        self.direct = nn.Conv2d(shape.channels, shape.direct, 1)
        self.joint = _layer(shape.correlations + shape.direct, shape.width)
        branches = {}
        for name, answers in BRANCHES:
            layers = (_layer(shape.width, shape.width) for _ in range(shape.depth - 1))
            branches[name] = nn.Sequential(*layers, nn.Conv2d(shape.width, answers, 1))
        self.branches = nn.ModuleDict(branches)
        nn.init.constant_(self.branches["sides"][-1].bias, math.log(typical_px))

    def forward(self, template: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 2, H, W) of background and target, and the logarithms (N, 4, H, W) of distances in px."""
        template, window = template / self.strength, window / self.strength
        z, x = self.template(template).flatten(2), self.window(window)
        alike = torch.bmm(z.transpose(1, 2), x.flatten(2)).unflatten(2, x.shape[2:]) / math.sqrt(x.shape[1])
        joint = self.joint(torch.cat([alike, self.direct(window)], dim=1))
        return self.branches["score"](joint), self.branches["sides"](joint).clamp(*LOG_PX)

    def state(self) -> dict[str, Tensor]:
        """Give what is shipped: float16, for maps as they come, with normalisations and scales folded in."""
        state = _folded("joint", self.joint)
        for name in ("template", "window", "direct"):
            conv = getattr(self, name)
            state |= {f"{name}.weight": conv.weight / self.strength, f"{name}.bias": conv.bias}
        for name in ("template.weight", "template.bias"):
            state[name] = state[name] / math.sqrt(self.window.out_channels)
        for branch, layers in self.branches.items():
            for number, layer in enumerate(layers[:-1]):
                state |= _folded(f"{branch}.{number}", layer)
            state |= {f"{branch}.answer.weight": layers[-1].weight, f"{branch}.answer.bias": layers[-1].bias}
        return {name: value.detach().half().contiguous() for name, value in state.items()}


def _layer(inputs: int, outputs: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return nn.Sequential(conv, nn.BatchNorm2d(outputs, momentum=0.05), nn.ReLU(inplace=True))


def _folded(name: str, layer: nn.Sequential) -> dict[str, Tensor]:
    conv, norm = layer[0], layer[1]
    gain = norm.weight / (norm.running_var + norm.eps).sqrt()
    weight, bias = conv.weight * gain.view(-1, 1, 1, 1), norm.bias - norm.running_mean * gain
    return {f"{name}.weight": weight, f"{name}.bias": bias}
