"""Two configurations differ where they mean something else, not where one says what the other leaves open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cdedge.evaluation.configuration import TrackerOptions, differences
from cdedge_export.options import ExportOptions
from tests.evaluation.running import configure

SAID = [
    {"tracker": "deepcd"},
    {"backbone": "vgg19", "layers": "11", "mode": "exact", "precision": "fp32"},
    {"channels": "auto", "rank": "diverse", "search": "none", "seed": 0},
    {"profile": "fast"},
    {"distill": True},
]
SAID_OF_OTHERS = [
    ({"layers": "11+12"}, {"profile": "accurate"}),
    ({"tracker": "cf2"}, {"search": "reduced"}),
    ({"rank": "random"}, {"seed": 0}),
    ({"generic": True}, {"channels": "0.25"}),
    ({"deep": "cdedge_deep"}, {"deep_precision": "auto", "profile": "robust", "deep_input": 256}),
    ({"profile": "robust"}, {"deep_precision": "auto", "deep": "cdedge_deep", "deep_head": "cdedge_head"}),
    ({"profile": "robust", "deep_channels": "0.5"}, {"deep": "cdedge_deep"}),
    ({"profile": "robust", "precision": "fp32"}, {"deep_precision": "fp32"}),
    ({"deep": "other.onnx"}, {"deep_precision": "fp32"}),
]


def differing(root: Path, first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    pair = (configure(root, TrackerOptions(ExportOptions(**made))) for made in (first, second))
    return differences(*pair)


@pytest.mark.parametrize(("base", "said"), [*(({}, said) for said in SAID), *SAID_OF_OTHERS])
def test_what_is_left_open_is_the_same_as_its_default(
    tmp_path: Path, base: dict[str, Any], said: dict[str, Any]
) -> None:
    pytest.importorskip("safetensors", reason="the weights that come with us are in its format")
    assert differing(tmp_path, base, {**base, **said}) == []
    assert differing(tmp_path, {**base, **said}, base) == []


def test_the_weights_that_are_taken_by_default_are_those_that_reach_the_layers(tmp_path: Path) -> None:
    pytest.importorskip("safetensors", reason="the weights that come with us are in its format")
    assert differing(tmp_path, {}, {"weights": "bundled"}) == []
    assert differing(tmp_path, {"layers": "54"}, {"layers": "54", "weights": "imagenet"}) == []
    (said,) = differing(tmp_path, {}, {"weights": "imagenet"})
    assert said == "weights: bundled there, imagenet now"


def test_what_differs_is_named_with_both_values_and_never_as_none(tmp_path: Path) -> None:
    pytest.importorskip("safetensors", reason="the weights that come with us are in its format")
    assert differing(tmp_path, {"channels": "8"}, {"input_px": 96}) == [
        "channels: 8 there, auto now",
        "input_px: not given there, 96 now",
    ]
    assert differing(tmp_path, {}, {"profile": "accurate"}) == ["profile: fast there, accurate now"]
