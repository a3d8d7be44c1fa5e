"""MDNets small enough to be attacked by the thousand.

``python -m benchmarks.campaign.mdnet OUT SOURCE`` exports one with random weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper  # noqa: TID251 - what attacks a model file makes one

from cdedge_runtime.kinds import find_kind
from cdedge_runtime.model import contract
from cdedge_runtime.model.contract import Tap
from cdedge_runtime.model.metadata import seal, to_metadata
from tests.conftest import make_spec

_SIDE_PX, _GRID, _CHANNELS, _DENSE = 12, 3, 4, 8


def exported(out: str, source: str) -> None:
    """Export one; the weights lie beside the file while it is made."""
    import torch  # noqa: TID251 - whoever exports has it

    import cdedge
    from cdedge_export.network import backbones
    from tests.export.random_nets import random_state

    small = backbones.mdnet_backbone("pymdnet", lrn=(2, 1e-4, 1.0), convs=(8, 12, 16), dense=24)
    backbones.BACKBONES["pymdnet"] = small
    state = {key: torch.from_numpy(value) for key, value in random_state(small, ["conv3"]).items()}
    weights = Path(out).with_suffix(".pth")
    torch.save({"shared_layers": state}, weights)
    cdedge.export(source, out=out, tracker="mdnet", weights=weights)
    weights.unlink()


def tiny_bytes() -> bytes:
    """A sealed file with one convolution on crops of 12 px, made without PyTorch: 25,000 crops take seconds."""
    rng, inputs = np.random.default_rng(0), _CHANNELS * _GRID**2
    sizes = {
        "weight": (_CHANNELS, 3, 3, 3),
        "fc4.weight": (_DENSE, inputs),
        "fc4.bias": (_DENSE,),
        "fc5.weight": (_DENSE, _DENSE),
        "fc5.bias": (_DENSE,),
    }
    constants = {name: (rng.standard_normal(size) * 0.1).astype(np.float32) for name, size in sizes.items()}
    heads = [name for name in sizes if name.startswith("fc")]
    nodes = [
        helper.make_node("Transpose", ["patch"], ["chw"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["chw"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["pixels", "weight"], ["conv"], strides=[4, 4], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["features"]),
        *(helper.make_node("Identity", [f"_{name}"], [name]) for name in heads),
    ]
    stored = [numpy_helper.from_array(v, f"_{name}" if name in heads else name) for name, v in constants.items()]
    outputs = {"features": [contract.CROPS, _CHANNELS, _GRID, _GRID], **{name: sizes[name] for name in heads}}
    patch = helper.make_tensor_value_info("patch", TensorProto.UINT8, [contract.CROPS, _SIDE_PX, _SIDE_PX, 3])
    named = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in outputs.items()]
    graph = helper.make_graph(nodes, "tiny", [patch], named, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    spec = make_spec(
        tracker="mdnet",
        backbone="pymdnet",
        taps=(Tap("conv3", tuple(range(_CHANNELS)), _CHANNELS),),
        input_px=(_SIDE_PX, _SIDE_PX),
        grid=(_GRID, _GRID),
        settings=find_kind("mdnet").settings(),
    )
    helper.set_model_props(model, to_metadata(spec))
    return seal(model.SerializeToString())


if __name__ == "__main__":
    exported(*sys.argv[1:])
