"""A deep part joined to an exported file: it delivers what its network does, and costs nothing where nobody looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, load

from cdedge_export.choose.plan import DistillOptions
from cdedge_export.graph.compare import TOLERANCES, Parity, TapLoss
from cdedge_export.graph.deep import shape_of
from cdedge_export.graph.precision import head_in_int8
from cdedge_export.options import ExportOptions
from cdedge_export.pipeline import check, export
from cdedge_export.recipes import deep_part
from cdedge_export.recipes.box_head import head_answers, head_cost
from cdedge_export.recipes.deep_part import (
    DeepOptions,
    _both,
    _head_in_precision,
    _maps,
    _seen_by_head,
    add_deep_part,
    deep_plan,
    fewer_channels,
    open_deep,
    settled_precision,
)
from cdedge_export.recipes.deepcd import _settings
from cdedge_export.recipes.recipe import Scene, prepared
from cdedge_runtime.errors import BadModel, Usage
from cdedge_runtime.model.contract import Precision, SourceInfo
from cdedge_runtime.model.session import Extractor, read_spec
from cdedge_runtime.patch import Image
from cdedge_runtime.sources.frames import Source
from cdedge_runtime.trackers.deepcd.tracker import Tracker
from tests.conftest import MovingSquare
from tests.export.onnx_nets import box_head, two_strides, with_weights

PATCHES = np.random.default_rng(3).integers(0, 255, (2, 128, 128, 3), np.uint8)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return two_strides(tmp_path / "toy.onnx")


@pytest.fixture
def both(tiny_model: Path, network: Path, tmp_path: Path) -> Path:
    out = tmp_path / "both.onnx"
    parity = add_deep_part(tiny_model, out, open_deep(DeepOptions(network, input_px=128)), PATCHES, PATCHES)
    assert parity.max_rel < 1e-5
    return out


def test_our_own_network_goes_by_its_name(tiny_model: Path, tmp_path: Path) -> None:
    deep = open_deep(DeepOptions(Path("cdedge_deep"), input_px=128))
    parity = add_deep_part(tiny_model, tmp_path / "own.onnx", deep, PATCHES, PATCHES)
    assert parity.max_rel < 1e-4
    part = read_spec(tmp_path / "own.onnx").deep
    assert part is not None
    assert (part.backbone, part.grid, len(part.taps[0].kept)) == ("cdedge_deep", (8, 8), 96)
    assert part.weights.name == "bundled"


@pytest.mark.parametrize(("precision", "differs"), [("fp32", (0, 1e-5)), ("int8", (1e-4, 0.1))])
def test_our_own_head_goes_by_its_name_in_its_networks_precision(
    tiny_model: Path, tmp_path: Path, precision: Precision, differs: tuple[float, float]
) -> None:
    patches = np.random.default_rng(0).integers(0, 255, (2, 256, 256, 3), np.uint8)
    deep = open_deep(DeepOptions(Path("cdedge_deep"), head=Path("cdedge_head"), precision=precision))
    add_deep_part(tiny_model, tmp_path / "own.onnx", deep, patches, patches)
    file = Extractor(tmp_path / "own.onnx", threads=1)
    part = file.spec.deep
    assert part is not None
    assert part.head is not None
    assert (part.head.weights.name, part.head.template, part.precision) == ("bundled", (8, 8), precision)
    template = file.template(patches[0, ::2, ::2])
    maps, boxes = file.deep_and_boxes(patches[0], template)
    wanted = head_answers(deep.head, template[None], maps[None])[0]
    assert differs[0] <= np.abs(boxes - wanted).max() / np.abs(wanted).max() < differs[1]


def test_in_half_precision_a_head_is_so_with_its_template() -> None:
    deep = open_deep(DeepOptions(Path("cdedge_deep"), head=Path("cdedge_head"), precision="fp16"))
    head = _head_in_precision(deep, PATCHES)
    assert head is not None
    for model in (head.template, head.model):
        assert {t.data_type for t in model.graph.initializer if len(t.dims) == 4} == {TensorProto.FLOAT16}


def test_a_heads_ranges_are_of_the_first_windows_middle_in_every_window() -> None:
    deep = open_deep(DeepOptions(Path("cdedge_deep"), head=Path("cdedge_head"), precision="int8"))
    assert deep.head is not None
    windows = np.random.default_rng(1).integers(0, 255, (2, 256, 256, 3), np.uint8)
    seen = list(_seen_by_head(deep, deep.head, windows))
    template, maps = deep.head.inputs
    middle = _maps(deep.head.template, windows[:1, 64:192, 64:192])
    assert len(seen) == 2
    for feed, window in zip(seen, windows, strict=True):
        np.testing.assert_array_equal(feed[template], middle)
        np.testing.assert_allclose(feed[maps], _maps(deep.model, window[None]), rtol=1e-4, atol=1e-4)


def test_in_int8_a_heads_boxes_are_said_in_float() -> None:
    deep = open_deep(DeepOptions(Path("cdedge_deep"), head=Path("cdedge_head"), precision="int8"))
    assert deep.head is not None
    seen = {value.name: np.ones(shape_of(value), np.float32) for value in deep.head.model.graph.input}
    in_int8 = head_in_int8(deep.head.model, [seen]).graph
    kernels = {tuple(t.dims[2:]): t.data_type for t in in_int8.initializer if len(t.dims) == 4}
    assert kernels == {(1, 1): TensorProto.FLOAT, (3, 3): TensorProto.INT8}
    (work, of_float), (same_work, of_int8) = (head_cost(deep.head, precision) for precision in ("fp32", "int8"))
    assert work == same_work
    assert of_float - of_int8 == 3 * 9 * 48 * (88 + 4 * 48)


@pytest.mark.parametrize(
    ("given", "head"),
    [
        ({"profile": "robust"}, "cdedge_head"),
        ({"profile": "robust", "deep_head": "other.onnx"}, "other.onnx"),
        ({"profile": "robust", "deep": "cdedge_deep"}, None),
        ({"profile": "robust", "deep_layers": "conv6"}, None),
        ({"profile": "robust", "deep_channels": "0.5"}, None),
        ({"profile": "robust", "deep_convention": "rgb"}, None),
        ({"profile": "robust", "deep_input": 192}, None),
        ({"profile": "robust", "settings": ("deep.every=2",)}, None),
        ({"profile": "robust", "deep_input": 256}, "cdedge_head"),
        ({"deep": "other.onnx"}, None),
    ],
)
def test_our_own_head_is_there_where_no_network_is_named_and_it_can_read_what_is_asked_for(
    given: dict[str, Any], head: str | None
) -> None:
    assert prepared(ExportOptions(**given))[1].deep_head == head  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "asked", [{"deep": "n.onnx"}, {"deep": "cdedge_deep", "deep_layers": "conv6"}, {"deep_input": 192}]
)
def test_our_own_head_reads_the_last_layer_of_our_own_network_alone(asked: dict[str, str]) -> None:
    options = ExportOptions(**{"deep": "cdedge_deep", **asked}, deep_head="cdedge_head")
    with pytest.raises(Usage, match="reads the last layer of cdedge_deep"):
        check(options)


@pytest.mark.parametrize(
    ("given", "share"),
    [
        ({"layers": "11"}, 0),
        ({"layers": "11+12"}, 1),
        ({"deep": "cdedge_deep", "deep_head": "cdedge_head"}, 1),
        ({"deep": "n.onnx"}, 1),
        ({"deep": "n.onnx", "deep_head": "h.onnx"}, 0),
        ({"deep": "n.onnx", "deep_head": "h.onnx", "settings": ("flow_share=0.5",)}, 0.5),
    ],
)
def test_beside_a_head_that_leads_the_size_far_no_growth_does_unless_asked(given: dict[str, Any], share: float) -> None:
    assert _settings(prepared(ExportOptions(**given))[1]).flow_share == share  # type: ignore[arg-type]


def test_a_head_that_looks_at_every_second_frame_is_refused_before_the_video() -> None:
    with pytest.raises(Usage, match=r"deep\.every is 1 beside a box head"):
        check(ExportOptions(deep="cdedge_deep", deep_head="cdedge_head", settings=("deep.every=2",)))


def test_after_a_deep_look_a_fine_one_runs_nothing_deep(both: Path) -> None:
    file = Extractor(both, threads=1)
    answer = file.deep(PATCHES[0])
    assert answer.any()
    file(PATCHES[0, :64, :64])
    assert not answer.any()  # what the branch without the network says


def test_of_two_checks_the_one_nearer_to_its_limit_is_told_with_the_losses_of_both() -> None:
    fine = Parity(0.1, 0.02, 0.1, (TapLoss("11", 0.0),), "fine")
    deep = Parity(0.1, 0.009, 0.01, (TapLoss("deep last", 0.1),), "deep")
    said = _both(fine, deep)
    assert (said.reference, [loss.name for loss in said.losses]) == ("deep", ["11", "deep last"])


def test_the_fine_part_is_as_it_was(both: Path, tiny_model: Path) -> None:
    patch = PATCHES[0, :64, :64]
    np.testing.assert_array_equal(Extractor(both, threads=1)(patch), Extractor(tiny_model, threads=1)(patch))


def test_the_contract_says_what_was_added(both: Path, tiny_model: Path) -> None:
    before, after = read_spec(tiny_model), read_spec(both)
    deep = after.deep
    assert deep is not None
    assert (deep.grid, deep.input_px, deep.channels, deep.taps[0].name) == ((8, 8), (128, 128), 5, "last")
    assert after.macs - before.macs == 8 * 3 * 25 * 32 * 32 + 5 * 8 * 25 * 8 * 8
    assert after.weight_bytes - before.weight_bytes == deep.weight_bytes == 4 * (8 * 3 * 25 + 5 * 8 * 25)


def test_one_run_of_both_is_as_two(both: Path) -> None:
    file, fine = Extractor(both, threads=1), np.ascontiguousarray(PATCHES[1, :64, :64])
    alone = file(fine).copy(), file.deep(PATCHES[0]).copy()
    seen = file.together(fine, PATCHES[0])
    np.testing.assert_array_equal(seen.fine, alone[0])
    np.testing.assert_array_equal(seen.deep, alone[1])
    with pytest.raises(BadModel, match="no box head"):
        file.together(fine, PATCHES[0], np.zeros((5, 4, 4), np.float32))


def test_nobody_looks_nothing_runs(both: Path) -> None:
    session = ort.InferenceSession(str(both), providers=["CPUExecutionProvider"])
    feeds = {"patch": np.zeros((1, 64, 64, 3), np.uint8), "deep_patch": PATCHES[:1]}
    (nothing,) = session.run(["deep_features"], {**feeds, "look_deep": np.array(False)})
    (something,) = session.run(["deep_features"], {**feeds, "look_deep": np.array(True)})
    assert not nothing.any()
    assert something.min() < 0 < something.max()


def test_several_taps_share_the_coarsest_grid(tiny_model: Path, network: Path, tmp_path: Path) -> None:
    out = tmp_path / "two.onnx"
    add_deep_part(tiny_model, out, open_deep(DeepOptions(network, "stem+last", input_px=128)), PATCHES, PATCHES)
    deep = read_spec(out).deep
    assert deep is not None
    assert (deep.grid, deep.channels) == ((8, 8), 13)


def test_the_tracker_follows_with_both(both: Path, tiny_model: Path, moving_square: MovingSquare) -> None:
    tracker, alone = Tracker(both, threads=1), Tracker(tiny_model, threads=1)
    for each in (tracker, alone):
        each.init(moving_square.frame(0), moving_square.box(0))
    assert tracker.sizes().filter_state_bytes > alone.sizes().filter_state_bytes
    found = [tracker.update(moving_square.frame(i)).box for i in range(1, moving_square.count)]
    overlaps = [box.iou(moving_square.box(i)) for i, box in enumerate(found, 1)]
    assert np.mean(overlaps) > 0.7


def scene_of(square: MovingSquare) -> Scene:
    return Scene([square.frame(0), square.frame(1)], square.box(0), SourceInfo("square", "", (0.0, 0.0, 1.0, 1.0)))


@pytest.mark.parametrize("rules", [DistillOptions(channels="3"), DistillOptions(channels="0.4", rank="random", seed=5)])
def test_fewer_channels_are_a_slice_of_all(
    both: Path, tiny_model: Path, network: Path, tmp_path: Path, moving_square: MovingSquare, rules: DistillOptions
) -> None:
    whole, said, out = open_deep(DeepOptions(network, input_px=128)), list[str](), tmp_path / "fewer.onnx"
    fewer = fewer_channels(whole, scene_of(moving_square), rules, said.append)
    assert add_deep_part(tiny_model, out, fewer, PATCHES, PATCHES).max_rel < 1e-5
    before, after = read_spec(both), read_spec(out)
    assert after.deep is not None
    (tap,) = after.deep.taps
    assert (len(tap.kept), tap.total, after.deep.channels) == (int(said[0][0]), 5, len(tap.kept))
    assert before.weight_bytes - after.weight_bytes == 4 * (5 - len(tap.kept)) * 8 * 25
    all_maps = Extractor(both, threads=1).deep(PATCHES[0])
    np.testing.assert_allclose(Extractor(out, threads=1).deep(PATCHES[0]), all_maps[list(tap.kept)], atol=1e-4)


def test_the_seed_says_which_random_channels(network: Path, moving_square: MovingSquare) -> None:
    whole, scene = open_deep(DeepOptions(network, input_px=128)), scene_of(moving_square)
    rules = [DistillOptions(channels="2", rank="random", seed=seed) for seed in (0, 0, 1, 2, 3)]
    first, again, *others = (deep_plan(whole, scene, each).taps[0].kept for each in rules)
    assert first == again
    assert set(others) - {first}


def test_a_box_head_wants_every_channel(moving_square: MovingSquare, tmp_path: Path) -> None:
    source = Source("square", lambda: iter([moving_square.frame(0), moving_square.frame(1)]))
    asked = ExportOptions(deep="d.onnx", deep_head="h.onnx", deep_channels="3")
    with pytest.raises(Usage, match="box head reads all"):
        export(source, moving_square.box(0), tmp_path / "never.onnx", options=asked)


@pytest.fixture
def head(tmp_path: Path) -> Path:
    return box_head(tmp_path / "head.onnx")


def test_a_box_head_goes_with_it(
    tiny_model: Path, network: Path, head: Path, tmp_path: Path, moving_square: MovingSquare
) -> None:
    out, deep = tmp_path / "head_too.onnx", open_deep(DeepOptions(network, input_px=128, head=head))
    assert add_deep_part(tiny_model, out, deep, PATCHES, PATCHES).max_rel < 1e-5  # its boxes are held to the head's own
    file, small = Extractor(out, threads=1), np.ascontiguousarray(PATCHES[0, ::2, ::2])
    own = ort.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    (expected,) = own.run(None, {"image": small.transpose(2, 0, 1)[None].astype(np.float32)})
    np.testing.assert_allclose(file.template(small), expected[0], rtol=1e-4, atol=1e-3)
    assert not np.allclose(
        file.deep_and_boxes(PATCHES[0], np.ones((5, 4, 4), np.float32))[1].copy(),
        file.deep_and_boxes(PATCHES[0], np.full((5, 4, 4), 2, np.float32))[1],
    )
    tracker = Tracker(file)
    tracker.init(moving_square.frame(0), moving_square.box(0))
    for index in range(1, moving_square.count):
        box = tracker.update(moving_square.frame(index)).box
        assert np.isfinite([box.x, box.y, box.width, box.height]).all()


def test_a_head_that_does_not_fit_says_what_would(network: Path, head: Path) -> None:
    with pytest.raises(BadModel, match=r"inputs \(1, 5, 5, 5\) and \(1, 5, 10, 10\)"):
        open_deep(DeepOptions(network, input_px=160, head=head))
    with pytest.raises(BadModel, match="expected a box head"):
        open_deep(DeepOptions(network, input_px=128, head=network))


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(("value", "fault"), [(0.0, "the same on every image"), (np.nan, "not finite")])
def test_weights_that_tell_nothing_are_refused(
    tiny_model: Path, network: Path, head: Path, tmp_path: Path, value: float, fault: str, number: int
) -> None:
    """In the deep network as in its head; and no file is left."""
    out, blank = tmp_path / "o.onnx", with_weights(network, value, number)
    with pytest.raises(BadModel, match=f"last is {fault}.*trained"):
        add_deep_part(tiny_model, out, open_deep(DeepOptions(blank, input_px=128)), PATCHES, PATCHES)
    with_head = DeepOptions(network, input_px=128, head=with_weights(head, value, number))
    with pytest.raises(BadModel, match=f"box head's {('cls', 'loc')[number]} is {fault}"):
        add_deep_part(tiny_model, out, open_deep(with_head), PATCHES, PATCHES)
    assert not out.exists()


def test_a_second_deep_part_is_refused(both: Path, network: Path, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="deep part"):
        add_deep_part(both, tmp_path / "three.onnx", open_deep(DeepOptions(network, input_px=128)), PATCHES, PATCHES)


@pytest.mark.parametrize(
    ("precision", "first", "second", "least", "most"),
    [
        ("fp16", TensorProto.FLOAT16, TensorProto.FLOAT16, 1e-6, 5e-3),
        ("int8", TensorProto.FLOAT, TensorProto.INT8, 1e-3, 0.2),
    ],
)
def test_it_has_a_precision_of_its_own(
    tiny_model: Path, network: Path, tmp_path: Path, precision: Precision, first: int, second: int, least: float,
    most: float,
) -> None:  # fmt: skip
    out, deep = tmp_path / "small.onnx", open_deep(DeepOptions(network, input_px=128, precision=precision))
    parity = add_deep_part(tiny_model, out, deep, PATCHES, PATCHES)
    assert least < parity.max_rel < most
    assert [loss.name for loss in parity.losses] == ["deep last"]
    assert 0 < parity.losses[0].error < most**2
    before, after = read_spec(tiny_model), read_spec(out)
    assert after.deep is not None
    assert (before.precision, after.precision, after.deep.precision) == ("fp32", "fp32", precision)
    width = {TensorProto.FLOAT: 4, TensorProto.FLOAT16: 2, TensorProto.INT8: 1}
    assert after.weight_bytes - before.weight_bytes == width[first] * 8 * 3 * 25 + width[second] * 5 * 8 * 25
    (choice,) = (node for node in load(out).graph.node if node.op_type == "If")
    then = next(a.g for a in choice.attribute if a.name == "then_branch")
    stored = {t.dims[1]: t.data_type for t in then.initializer if len(t.dims) == 4 and t.dims[-1] == 5}
    assert stored == {3: first, 8: second}
    patch = PATCHES[0, :64, :64]
    np.testing.assert_array_equal(Extractor(out, threads=1)(patch), Extractor(tiny_model, threads=1)(patch))


def test_a_head_in_half_precision_says_nearly_the_same(
    tiny_model: Path, network: Path, head: Path, tmp_path: Path
) -> None:
    out, deep = tmp_path / "m.onnx", open_deep(DeepOptions(network, input_px=128, head=head, precision="fp16"))
    parity = add_deep_part(tiny_model, out, deep, PATCHES, PATCHES)
    assert 1e-6 < parity.max_rel < 5e-3


def test_features_that_int8_spoils_are_refused_by_the_option(tiny_model: Path, network: Path, tmp_path: Path) -> None:
    deep = open_deep(DeepOptions(network, input_px=128, precision="int8"))
    with pytest.raises(BadModel, match="needs deep_precision fp32"):
        add_deep_part(tiny_model, tmp_path / "m.onnx", deep, PATCHES, PATCHES // 64)  # of a darker scene
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize(("seen", "settled"), [(PATCHES, "int8"), (PATCHES // 64, "fp32")])
def test_auto_is_int8_where_that_is_near_enough_else_float32_and_says_so(
    tiny_model: Path, network: Path, tmp_path: Path, seen: Image, settled: Precision
) -> None:
    said, deep = list[str](), open_deep(DeepOptions(network, input_px=128, precision="auto"))
    deep = settled_precision(deep, PATCHES, seen, said.append)
    parity = add_deep_part(tiny_model, tmp_path / "m.onnx", deep, PATCHES, seen)
    part = read_spec(tmp_path / "m.onnx").deep
    assert part is not None
    assert (part.precision, parity.tolerance) == (settled, TOLERANCES[settled])
    assert [text.split(":")[0] for text in said] == [f"{network.name} stays in float32"] * (settled == "fp32")


def test_maps_that_are_no_numbers_are_near_nothing(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, deep = list[str](), open_deep(DeepOptions(network, input_px=128, precision="auto"))
    monkeypatch.setattr(deep_part, "largest_difference", lambda *_: (float("nan"), float("nan")))
    assert settled_precision(deep, PATCHES, PATCHES, said.append).part.precision == "fp32"
    assert "differs by nan" in said[0]


def test_with_fewer_channels_auto_is_still_to_be_settled(network: Path, moving_square: MovingSquare) -> None:
    for precision, still in (("auto", True), ("int8", False)):
        whole = open_deep(DeepOptions(network, input_px=128, precision=precision))
        fewer = fewer_channels(whole, scene_of(moving_square), DistillOptions(channels="3"), lambda _: None)
        assert fewer.may_stay_float is still


@pytest.mark.parametrize(
    ("given", "precision"),
    [
        ({"profile": "robust"}, "auto"),
        ({"deep": "cdedge_deep"}, "auto"),
        ({"deep": "cdedge_deep", "deep_head": "cdedge_head"}, "auto"),
        ({"deep": "cdedge_deep", "deep_head": "other.onnx"}, None),
        ({"deep": "cdedge_deep", "precision": "fp32"}, None),
        ({"deep": "cdedge_deep", "deep_precision": "fp16"}, "fp16"),
        ({"deep": "other.onnx"}, None),
    ],
)
def test_only_our_own_network_is_settled_where_nothing_is_said(given: dict[str, str], precision: str | None) -> None:
    assert prepared(ExportOptions(**given))[1].deep_precision == precision  # type: ignore[arg-type]


def test_the_branch_that_nobody_looks_into_stores_no_zeros(both: Path) -> None:
    (choice,) = (node for node in load(both).graph.node if node.op_type == "If")
    otherwise = next(a.g for a in choice.attribute if a.name == "else_branch")
    assert otherwise.ByteSize() < 1000 < 4 * 5 * 8 * 8


def test_too_coarse_a_tap_leaves_no_file(tiny_model: Path, network: Path, tmp_path: Path) -> None:
    out = tmp_path / "coarse.onnx"
    with pytest.raises(Usage, match="cells"):
        add_deep_part(tiny_model, out, open_deep(DeepOptions(network, "last", input_px=64)), PATCHES, PATCHES)
    assert not out.exists()
