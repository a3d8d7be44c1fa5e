"""Our own box head, as data: what its shape is, and the names of its weights."""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple[int, ...]

BRANCHES = (("score", 2), ("sides", 4))  # of the head, and how many maps each answers with
LOG_PX = (-2.0, 6.0)  # least and most of a distance in pixels, as its logarithm


@dataclass(frozen=True)
class OwnHead:
    """A box head of convolutions, each 3x3 with a ReLU, behind a comparison of two maps.

    Every place of the template is compared with every place of the window (pixel-wise correlation, as in Alpha-Refine,
    Yan et al. 2021) in ``compared`` channels; ``direct`` channels of the window's own go beside it. Of ``depth``
    convolutions of ``width`` the first is common, the others are each branch's.

    channels: of the maps. template: rows and columns of its maps.
    """

    name: str
    bundled: str
    channels: int = 96
    template: int = 8
    compared: int = 32
    direct: int = 24
    width: int = 48
    depth: int = 3

    @property
    def correlations(self) -> int:
        """One per place of the template."""
        return self.template**2

    def parameters(self) -> dict[str, Shape]:
        """Shapes of the weights and biases, by their names in the file."""
        convs: dict[str, Shape] = {
            "template": (self.compared, self.channels, 1, 1),
            "window": (self.compared, self.channels, 1, 1),
            "direct": (self.direct, self.channels, 1, 1),
            "joint": (self.width, self.correlations + self.direct, 3, 3),
        }
        for branch, answers in BRANCHES:
            convs |= {f"{branch}.{i}": (self.width, self.width, 3, 3) for i in range(self.depth - 1)}
            convs[f"{branch}.answer"] = (answers, self.width, 1, 1)
        weights = {f"{name}.weight": shape for name, shape in convs.items()}
        return weights | {f"{name}.bias": shape[:1] for name, shape in convs.items()}


CDEDGE_HEAD = OwnHead("cdedge_head", "cdedge_head.safetensors")
