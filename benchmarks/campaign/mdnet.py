"""``python -m benchmarks.campaign.mdnet OUT SOURCE``: a small MDNet with random weights, exported."""

from __future__ import annotations

import sys
from pathlib import Path

import torch  # noqa: TID251 - whoever exports has it

import cdedge
from cdedge_export.network import backbones
from tests.export.random_nets import random_state


def main(out: str, source: str) -> None:
    """Export it; the weights lie beside the file while it is made."""
    small = backbones.mdnet_backbone("pymdnet", lrn=(2, 1e-4, 1.0), convs=(8, 12, 16), dense=24)
    backbones.BACKBONES["pymdnet"] = small
    state = {key: torch.from_numpy(value) for key, value in random_state(small, ["conv3"]).items()}
    weights = Path(out).with_suffix(".pth")
    torch.save({"shared_layers": state}, weights)
    cdedge.export(source, out=out, tracker="mdnet", weights=weights)
    weights.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
