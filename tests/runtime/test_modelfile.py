from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cdedge_runtime.errors import BadModel
from cdedge_runtime.model import session
from cdedge_runtime.model.contract import Tap
from cdedge_runtime.model.graph import node_count
from cdedge_runtime.model.metadata import from_metadata, to_metadata
from cdedge_runtime.model.session import Extractor, read_spec
from tests.conftest import make_spec, tiny_model_bytes


def test_reading_gives_back_what_was_written(tiny_model: Path) -> None:
    spec = make_spec()
    assert from_metadata(to_metadata(spec)) == spec
    assert read_spec(tiny_model) == spec


def test_nodes_are_counted_those_of_branches_too(tiny_model: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="the branches are built with onnx")
    from onnx import TensorProto, helper

    assert node_count(tiny_model) == 6
    model = onnx.load(tiny_model)
    branches = [
        helper.make_graph(
            [helper.make_node("Neg", ["features"], [name])] * count, name, [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
        )
        for name, count in (("a", 1), ("b", 3))
    ]  # fmt: skip
    model.graph.node.append(
        helper.make_node("If", ["switch"], ["chosen"], then_branch=branches[0], else_branch=branches[1])
    )
    path = tmp_path / "branches.onnx"
    path.write_bytes(model.SerializeToString())
    assert node_count(path) == 6 + 1 + 1 + 3


def test_foreign_metadata_is_refused() -> None:
    with pytest.raises(BadModel, match="not a cdedge model"):
        from_metadata({"author": "someone"})


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("format_version", "2", "format version 2"),
        ("taps", "[", "damaged"),
        (
            "taps",
            json.dumps([{"name": "11", "kept": [0, 99], "total": 64}]),
            "keeps channels it does not have",
        ),
        (
            "taps",
            json.dumps([{"name": "11", "kept": [1, 0], "total": 64}]),
            "keeps channels it does not have",
        ),
        ("grid", "[0, 32]", "grid"),
        ("mode", '"other"', "one of"),
        ("macs", "true", "int"),
        ("settings", "{}", "fields"),
    ],
)
def test_a_damaged_contract_is_refused(key: str, text: str, message: str) -> None:
    metadata = {**to_metadata(make_spec()), f"cdedge.{key}": text}
    with pytest.raises(BadModel, match=message):
        from_metadata(metadata)


def test_a_missing_field_is_refused() -> None:
    metadata = to_metadata(make_spec())
    del metadata["cdedge.weights"]
    with pytest.raises(BadModel, match="fields"):
        from_metadata(metadata)


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9, 0.999])
def test_one_altered_byte_anywhere_is_noticed(tiny_model: Path, tmp_path: Path, where: float) -> None:
    data = bytearray(tiny_model.read_bytes())
    data[int(where * len(data))] ^= 1
    path = tmp_path / "altered.onnx"
    path.write_bytes(data)
    with pytest.raises(BadModel, match=r"altered\.onnx"):
        read_spec(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_truncated_file_is_refused(tiny_model: Path, tmp_path: Path, share: float) -> None:
    data = tiny_model.read_bytes()
    path = tmp_path / "short.onnx"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(BadModel, match=r"short\.onnx"):
        read_spec(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\x08" * 200])
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(BadModel, match=r"other\.onnx"):
        read_spec(path)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="No such file"):
        read_spec(tmp_path / "none.onnx")


def test_a_graph_that_contradicts_its_contract_is_refused(tmp_path: Path) -> None:
    spec = make_spec()
    path = tmp_path / "wrong.onnx"
    path.write_bytes(tiny_model_bytes(spec, to_metadata(replace(spec, input_px=(48, 64)))))
    with pytest.raises(BadModel, match="its contract says"):
        Extractor(path)


@pytest.mark.parametrize(
    ("activations", "least", "most"), [(0, 1, 1 << 24), (8 << 20, 8 << 20, 1 << 24), (10**18, 1, 1 << 28)]
)
def test_the_arenas_first_block_holds_the_first_files_activations_whatever_it_says(
    monkeypatch: pytest.MonkeyPatch, activations: int, least: int, most: int
) -> None:
    asked: list[tuple[int, ...]] = []
    monkeypatch.setattr(session, "_ARENA", [])
    monkeypatch.setattr(session.ort, "OrtArenaCfg", lambda *numbers: numbers)
    monkeypatch.setattr(session.ort, "create_and_register_allocator", lambda _memory, config: asked.append(config))
    for count in (activations, 7):
        session._share_arena(count)
    ((_, _, first_block, _),) = asked  # once, whatever comes later
    assert least <= first_block <= most


def test_an_arena_that_could_not_be_had_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def refuse(_memory: object, config: object) -> None:
        asked.append(config)
        raise RuntimeError

    monkeypatch.setattr(session, "_ARENA", [])
    monkeypatch.setattr(session.ort, "create_and_register_allocator", refuse)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            session._share_arena(7)
    assert len(asked) == 2


def test_the_spec_sums_its_taps() -> None:
    spec = make_spec(taps=(Tap("11", (1, 2), 64), Tap("21", (5,), 128)))
    assert (spec.channels, spec.layers) == (3, "11+21")
