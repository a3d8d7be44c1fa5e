"""A generic file at the desk: it has every channel, needs no target, and its device chooses as the desk would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="exporting needs PyTorch: pip install -e '.[export]'")

from cdedge_export.options import ExportOptions
from cdedge_export.pipeline import export
from cdedge_export.recipes.recipe import prepared
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from cdedge_runtime.model.session import read_spec
from cdedge_runtime.sources.frames import Source, open_source
from cdedge_runtime.trackers.deepcd.tracker import Tracker
from tests.conftest import Done, MovingSquare

Channels = set[tuple[str, int]]


def of_device(model: Path, scene: Source, box: Box) -> Channels:
    tracker = Tracker(model, threads=1)
    tracker.init(next(iter(scene.frames())), box)
    return {(tap.name, channel) for tap in tracker.taps for channel in tap.kept}


@pytest.mark.parametrize(
    ("layers", "channels", "count"), [("11", "0.25", 16), ("11", "20", 20), ("11+12", "0.25", 32), ("11+12", "40", 40)]
)
def test_the_device_keeps_what_the_desk_would_of_a_first_frame_that_stands_still(
    tmp_path: Path, layers: str, channels: str, count: int
) -> None:
    """Both run the same code on features of onnxruntime and of PyTorch, so that near ties may fall differently."""
    generic, demo = tmp_path / "generic.onnx", open_source(None)
    export(demo, None, generic, options=ExportOptions(layers=layers, channels=channels, generic=True), timed=False)
    for index in (0, 60):  # whatever the file was checked on
        (frame,) = islice(demo.frames(), index, index + 1)
        box, still = Box(190 + index / 3, 150, 80, 50), Source("still", lambda f=frame: iter([f, f]))
        kept = of_device(generic, still, box)
        made = export(
            still, box, tmp_path / "desk.onnx", options=ExportOptions(layers=layers, channels=channels), timed=False
        )
        desk = {(tap.name, channel) for tap in made.spec.taps for channel in tap.kept}
        assert len(kept) == len(desk) == count
        assert len(kept - desk) <= 1


def test_it_needs_no_target(cdedge: Callable[..., Done], square_folder: Path, tmp_path: Path) -> None:
    (square_folder / "groundtruth_rect.txt").unlink()
    model = tmp_path / "generic.onnx"
    done = cdedge("export", square_folder, "--generic", "-o", model)
    assert done.returncode == 0, done.stderr
    assert "64 of 64, of which the device keeps 16" in " ".join(done.stdout.split())
    clip = MovingSquare()
    tracker = Tracker(model, threads=1)
    tracker.init(clip.frame(0), clip.box(0))
    found = [tracker.update(clip.frame(index)).box for index in range(1, clip.count)]
    assert found[-1].iou(clip.box(11)) > 0.5
    refused = cdedge("export", square_folder, "-o", tmp_path / "m.onnx")
    assert (refused.returncode, "--box" in refused.stderr) == (2, True)


def test_what_shows_channels_says_what_the_device_keeps(
    cdedge: Callable[..., Done], square_folder: Path, tmp_path: Path
) -> None:
    model, page = tmp_path / "generic.onnx", tmp_path / "page.html"
    assert cdedge("export", "--generic", "-o", model).returncode == 0
    spec = read_spec(model)
    assert (spec.channels, spec.filter_channels) == (64, 16)
    assert "of which the device keeps 16" in " ".join(cdedge("inspect", model).stdout.split())
    done = cdedge("report", model, square_folder, "--repeat", 1, "-o", page)
    assert done.returncode == 0, done.stderr
    assert "kept, 16<" in page.read_text(encoding="utf-8")
    assert "pruned, 48<" in page.read_text(encoding="utf-8")
    tap = of_device(model, open_source(str(square_folder)), MovingSquare().box(0))
    drawn = page.read_text(encoding="utf-8").split("pruned, 48<")[0]
    assert all(f'alt="channel {channel}"' in drawn for _, channel in tap)


@pytest.mark.parametrize(
    ("field", "value"),
    [("distill", False), ("plan", "p.json"), ("rank", "snr"), ("search", "e4"), ("seed", 3), ("mode", "chain"),
     ("reconstruct", True)],
)  # fmt: skip
def test_what_the_desk_cannot_say_of_it_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(Usage, match=f"^{field}: "):
        prepared(ExportOptions(generic=True, **{field: value}))


@pytest.mark.parametrize(
    ("channels", "reason"),
    [("auto", "a target at the desk"), ("paper", "a target at the desk"), ("1.0", "nothing to choose"),
     ("1", "nothing to choose"), ("1.5", "nothing to choose"), ("few", "a count like 28"), ("65", "have 64 channels"),
     ("0.0001", "^channels: expected"), ("5000", "^channels: expected"), ("", "an empty text")],
)  # fmt: skip
def test_how_many_it_keeps_is_known_at_the_desk(tmp_path: Path, channels: str, reason: str) -> None:
    with pytest.raises(Usage, match=reason):
        export(open_source(None), None, tmp_path / "m.onnx", options=ExportOptions(generic=True, channels=channels))
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize("rule", [{"channels": "auto"}, {"deep": "cdedge_deep", "deep_channels": "few"}])
def test_a_rule_that_it_has_not_is_refused_before_any_frame_is_read(rule: dict[str, Any]) -> None:
    with pytest.raises(Usage, match="channels"):
        prepared(ExportOptions(generic=True, **rule))


@pytest.mark.parametrize(("setting", "field"), [("keep", "channels"), ("deep.keep", "deep_channels")])
def test_how_many_it_keeps_is_said_once(tmp_path: Path, setting: str, field: str) -> None:
    options = ExportOptions(generic=True, deep="cdedge_deep", settings=(f"{setting}=0.5",))
    with pytest.raises(Usage, match=f"{setting} is what {field} says"):
        export(open_source(None), None, tmp_path / "m.onnx", options=options)


def test_the_device_keeps_deep_channels_as_the_desk_would(tmp_path: Path) -> None:
    demo, box = open_source(None), Box(190, 150, 80, 50)
    frame = next(iter(demo.frames()))
    still = Source("still", lambda: iter([frame, frame]))
    robust = ExportOptions(deep="cdedge_deep", deep_channels="0.25", deep_input=128)
    generic, desk = tmp_path / "generic.onnx", tmp_path / "desk.onnx"
    export(demo, None, generic, options=replace(robust, generic=True), timed=False)
    part = export(still, box, desk, options=robust, timed=False).spec.deep
    tracker = Tracker(generic, threads=1)
    tracker.init(frame, box)
    assert tracker.spec.deep is not None
    assert (tracker.spec.deep.channels, tracker.spec.deep.filter_channels) == (96, 24)
    assert part is not None
    assert len(set(part.taps[0].kept) - set(tracker._deep._kept.tolist())) <= 1


@pytest.mark.parametrize(("generic", "said"), [(True, "deep_channels: 97, but"), (False, "deep_channels 97: the")])
def test_a_deep_part_keeps_no_more_than_it_has(tmp_path: Path, generic: bool, said: str) -> None:
    options = ExportOptions(generic=generic, deep="cdedge_deep", deep_channels="97")
    with pytest.raises(Usage, match=f"^{said}"):
        export(open_source(None), None, tmp_path / "m.onnx", options=options)
