"""``cdedge layers``: the table, the JSON, and one line for what cannot be listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

pytest.importorskip("onnx", reason="networks are read with onnx: pip install -e '.[onnx]'")
from cdedge.schemas.schema import json_schema
from tests.conftest import Done
from tests.export.onnx_nets import plain

Run = Callable[..., Done]


@pytest.fixture
def network(tmp_path: Path) -> Path:
    net, end = plain()
    return net.save(tmp_path / "net.onnx", [end])


def test_the_table_has_layers_and_what_they_cost(cdedge: Run, network: Path) -> None:
    done = cdedge("layers", network, "--input", 64)
    assert done.returncode == 0, done.stderr
    title, head, *rows = done.stdout.splitlines()
    assert title.strip() == "net.onnx at 64x64 px"
    assert head.split() == ["layer", "operator", "channels", "stride", "cells", "weights", "MACs"]
    assert [row.split()[:5] for row in rows] == [
        ["relu1", "Relu", "4", "2", "32x32"],
        ["relu3", "Relu", "6", "2", "32x32"],
    ]


def test_all_lists_what_the_table_leaves_out(cdedge: Run, network: Path) -> None:
    rows = cdedge("layers", network, "--all").stdout.splitlines()[2:]
    assert [row.split()[0] for row in rows] == ["conv0", "relu1", "conv2", "relu3"]


def test_json_follows_its_schema(cdedge: Run, network: Path) -> None:
    done = cdedge("layers", network, "--input", 64, "--json")
    answer = json.loads(done.stdout)
    jsonschema.Draft202012Validator(json_schema("cdedge.layers/1")).validate(answer)
    assert answer["input_px"] == [64, 64]
    assert [tap["name"] for tap in answer["taps"]] == ["conv0", "relu1", "conv2", "relu3"]


@pytest.mark.parametrize(("name", "code", "said"), [("none.onnx", 1, "No such file"), ("resnet19", 2, "resnet18")])
def test_what_is_no_network_gets_one_line(cdedge: Run, name: str, code: int, said: str) -> None:
    pytest.importorskip("torchvision")
    done = cdedge("layers", name)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert said in done.stderr


def test_a_torchvision_model_is_listed(cdedge: Run) -> None:
    pytest.importorskip("torchvision")
    done = cdedge("layers", "shufflenet_v2_x0_5", "--json")
    taps = {tap["name"]: (tap["channels"], tap["stride"]) for tap in json.loads(done.stdout)["taps"]}
    assert taps["maxpool"] == (24, 4)
    assert taps["conv5.2"] == (1024, 32)


def test_a_built_in_network_is_listed_by_its_own_names(cdedge: Run) -> None:
    taps = json.loads(cdedge("layers", "vgg19", "--input", 64, "--json").stdout)["taps"]
    found = {tap["name"]: [tap[key] for key in ("channels", "stride", "size", "weight_bytes", "macs")] for tap in taps}
    first, second = 64 * 27, 64 * 64 * 9
    assert found["11"] == [64, 1, [64, 64], 4 * (first + 64), first * 64 * 64]
    assert found["12"] == [64, 1, [64, 64], 4 * (first + second + 128), (first + second) * 64 * 64]
    assert found["21"][:3] == [128, 2, [32, 32]]
