"""Which candidates there are, and which are measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cdedge.planning.budget import Budget, Candidate
from cdedge.planning.search import Made, Scene, candidates, check_all, evaluate, make, options_of
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadModel, Usage
from cdedge_runtime.measure.predict import Footage, predict
from cdedge_runtime.measure.probe import ProbeReport, Request
from cdedge_runtime.sources.frames import Source
from tests.conftest import make_spec
from tests.pages.devices import MEMORY, make_run

SEEN = Footage((100, 100))
FRAMES = [np.zeros((100, 100, 3), np.uint8)] * 2
SCENE = Scene(None, Source("none", lambda: iter(())), Box(1, 1, 20, 20), FRAMES, SEEN, 10, 1, None)


def made(name: str, *, macs: int, activations: int = 1_000_000) -> Made:
    spec = make_spec(macs=macs, activation_bytes=activations)
    return Made(Candidate(name, "all", "chain", 96, "fp32"), Path(f"{name}.onnx"), spec, 7, 1.0)


class Bench:
    """Stands in for measuring: a frame rate per file, and what was asked for."""

    def __init__(self, **fps: float) -> None:
        self.fps, self.asked = fps, list[str]()

    def __call__(self, request: Request) -> ProbeReport:
        name = Path(request.model).stem
        self.asked.append(name)
        return make_run(memory=replace(MEMORY, over_floor_bytes=21_000_000), fps=self.fps[name])


def test_modes_are_told_apart_only_where_they_differ() -> None:
    names = [c.name for c in candidates(["11", "11+12"], ["0.5", "all"], ["chain", "exact"], [96], ["fp32"])]
    assert names == [
        "11 0.5 96 px",
        "11 all 96 px",
        "11+12 0.5 96 px chain",
        "11+12 0.5 96 px exact",
        "11+12 all 96 px",
    ]


def test_one_mode_alone_is_kept() -> None:
    assert len(candidates(["11"], ["0.5"], ["exact"], [96, 192], ["fp32", "int8"])) == 4


@pytest.mark.parametrize(("modes", "precisions"), [(["fast"], ["fp32"]), (["chain"], ["int4"])])
def test_an_unknown_word_is_refused(modes: list[str], precisions: list[str]) -> None:
    with pytest.raises(Usage, match="expected some of"):
        candidates(["11"], ["0.5"], modes, [96], precisions)


def test_a_deep_network_goes_beside_the_first_of_everything_and_keeps_its_place() -> None:
    tried = (["11", "11+12"], ["0.5", "all"], ["chain", "exact"], [96, 192], ["fp32"])
    found = candidates(*tried, deep=("cdedge_deep", None, "n.onnx"), deep_head="h.onnx")
    plain = candidates(*tried)
    assert found[2:-2] == plain
    assert [(c.layers, c.channels, c.mode, c.input_px, c.deep, c.deep_head) for c in (*found[:2], *found[-2:])] == [
        ("11", "0.5", "chain", 96, "cdedge_deep", None),
        ("11", "all", "chain", 96, "cdedge_deep", None),
        ("11", "0.5", "chain", 96, "n.onnx", "h.onnx"),
        ("11", "all", "chain", 96, "n.onnx", "h.onnx"),
    ]


def test_our_own_head_goes_with_our_own_network_alone_and_with_int8() -> None:
    tried = (["11"], ["0.5"], ["chain"], [96], ["int8"])
    found = candidates(*tried, deep=("cdedge_deep", "n.onnx"), deep_head="cdedge_head")
    assert [each.deep_head for each in found] == ["cdedge_head", None]
    with pytest.raises(Usage, match=r"^deep_head: it goes with"):
        candidates(*tried, deep=("n.onnx",), deep_head="cdedge_head")


@pytest.mark.parametrize(("deep", "precision"), [((None, "cdedge_deep"), "fp32"), (("n.onnx",), "int8")])
def test_a_head_without_its_network_or_in_int8_is_refused(deep: tuple[str | None, ...], precision: str) -> None:
    with pytest.raises(Usage, match=r"^deep_head: "):
        candidates(["11"], ["0.5"], ["chain"], [96], [precision], deep=deep, deep_head="h.onnx")


def test_beside_a_deep_network_the_precision_is_that_networks() -> None:
    plain = Candidate("11", "0.5", "chain", 96, "int8")
    asked = [options_of(each, None) for each in (plain, replace(plain, deep="cdedge_deep"))]
    assert [(options.precision, options.deep_precision) for options in asked] == [("int8", None), ("fp32", "int8")]


def test_our_own_deep_network_is_tried_as_an_export_has_it() -> None:
    tried = candidates(["11"], ["0.5"], ["chain"], [96], None, (None, "cdedge_deep", "other.onnx"), "head.onnx")
    assert [each.precision for each in tried] == ["fp32", "int8", "fp32"]
    (with_head,) = candidates(["11"], ["0.5"], ["chain"], [96], None, ("cdedge_deep",), "cdedge_head")
    assert with_head.precision == "int8"
    given = candidates(["11"], ["0.5"], ["chain"], [96], ["fp32", "fp16"], (None, "cdedge_deep"))
    assert [each.precision for each in given] == ["fp32", "fp16", "fp32", "fp16"]


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_what_a_precision_spoils_is_left_out_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, precision: str
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise BadModel("it differs")

    monkeypatch.setattr("cdedge_export.pipeline.export", refused)
    only = Candidate("11", "0.5", "chain", 96, precision)
    if precision == "fp32":
        with pytest.raises(BadModel):
            make([only], SCENE, tmp_path, lambda: None)
    else:
        assert make([only], SCENE, tmp_path, lambda: None) == ([], ("11 0.5 96 px int8: it differs",))


def test_what_cannot_be_exported_is_found_without_a_source() -> None:
    right = Candidate("11", "0.5", "chain", 96, "fp32")
    for wrong, text in (
        (replace(right, layers="11+99"), "no layer '99'"),
        (replace(right, channels="x"), "channels x"),
    ):
        with pytest.raises(Usage, match=text):
            check_all([right, wrong], None)


def test_the_target_is_where_the_largest_file_without_a_deep_network_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    specs = iter(
        [SimpleNamespace(macs=1, deep=None), SimpleNamespace(macs=2, deep=None), SimpleNamespace(macs=3, deep="d")]
    )
    asked: list[Path] = []
    monkeypatch.setattr("cdedge_export.pipeline.export", lambda *_, **__: SimpleNamespace(spec=next(specs)))
    monkeypatch.setattr("cdedge.planning.search.node_count", lambda _: 1)
    monkeypatch.setattr("cdedge_export.choose.quality.Judge", lambda model, *_: model)
    monkeypatch.setattr("cdedge_export.choose.quality.located", lambda model, _: asked.append(model))
    monkeypatch.setattr("cdedge_export.choose.quality.margin", lambda *_: 1.0)
    make([Candidate("11", "0.5", "chain", 96, "fp32")] * 3, SCENE, tmp_path, lambda: None)
    assert asked == [tmp_path / "1.onnx"]


def test_here_memory_and_rate_are_what_was_measured() -> None:
    bench = Bench(a=100.0)
    found = evaluate(
        [made("a", macs=1)], SCENE, Budget(None, None), slowdown=1.0, measured_here=True, step=lambda: None,
        measure_one=bench,
    )  # fmt: skip
    [(option, path)] = found.options
    assert (option.memory_bytes, option.fps, option.measured) == (21_000_000, 100.0, True)
    assert path == Path("a.onnx")


def test_on_a_device_memory_is_predicted_and_the_rate_scaled() -> None:
    bench, each = Bench(a=100.0), made("a", macs=1)
    found = evaluate(
        [each], SCENE, Budget(None, None), slowdown=4.0, measured_here=False, step=lambda: None, measure_one=bench
    )
    [(option, _)] = found.options
    assert option.fps == 25.0
    assert option.memory_bytes == predict(each.spec, SEEN, nodes=7).over_floor_bytes
    assert not option.measured


def test_without_a_rate_nothing_is_run() -> None:
    bench = Bench()
    found = evaluate(
        [made("a", macs=1)], SCENE, Budget(None, None), slowdown=None, measured_here=False, step=lambda: None,
        measure_one=bench,
    )  # fmt: skip
    assert bench.asked == []
    assert found.options[0][0].fps is None


def test_the_hopeless_are_left_out_and_it_is_said_why() -> None:
    bench = Bench(quick=100.0, slow=10.0)
    quick, big = made("quick", macs=1, activations=1000), made("big", macs=2, activations=10**9)
    made_ = [made("slower", macs=9), quick, made("slow", macs=5), big]
    found = evaluate(
        made_, SCENE, Budget(50_000_000, 30.0), slowdown=1.0, measured_here=True, step=lambda: None, measure_one=bench
    )
    assert bench.asked == ["quick", "slow"]
    assert len(found.left_out) == 2
    assert "predicted 10" in found.left_out[0]
    assert "more work than slow" in found.left_out[1]


def test_where_all_are_too_large_the_smallest_is_measured_for_the_nearest_miss() -> None:
    bench = Bench(small=50.0)
    made_ = [made("small", macs=5, activations=10**9), made("large", macs=2, activations=2 * 10**9)]
    found = evaluate(
        made_, SCENE, Budget(1_000_000, None), slowdown=1.0, measured_here=True, step=lambda: None, measure_one=bench
    )
    assert bench.asked == ["small"]
    assert len(found.options) == 1
