"""The python protocol's tracker, regions, and the tracker that distils at the second frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cdedge.vot import Tracker
from cdedge.vot.distilling import DistillingTracker
from cdedge.vot.entries import Setup, box_of_wire, open_tracker, setup_of
from cdedge_export.options import ExportOptions
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput, NotInitialized, Usage
from tests.conftest import MovingSquare


def test_a_rectangle_comes_in_as_it_is() -> None:
    assert box_of_wire((1.5, 2.0, 30.0, 40.0)) == Box(1.5, 2.0, 30.0, 40.0)


def test_a_polygon_comes_in_by_the_area_rule() -> None:
    diamond = [(10.0, 0.0), (20.0, 10.0), (10.0, 20.0), (0.0, 10.0)]
    box = box_of_wire(diamond)
    assert box == Box.from_polygon([v for corner in diamond for v in corner])
    assert (box.width - 1) * (box.height - 1) == pytest.approx(200)


@pytest.mark.parametrize("region", [np.zeros((4, 4)), (1.0, 2.0), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]])
def test_another_region_is_refused_with_the_remedy(region: object) -> None:
    with pytest.raises(BadInput, match="convert = rectangle"):
        box_of_wire(region)


def test_the_python_tracker_follows_paths(tiny_model: Path, square_folder: Path) -> None:
    tracker, clip = Tracker(model=str(tiny_model), threads="1"), MovingSquare()
    images = sorted(str(p) for p in (square_folder / "img").iterdir())
    first = clip.box(0)
    corners = (first.x, first.y, first.width, first.height)
    assert tracker.init(images[0], (corners, {})) == (corners, {})
    for index in range(1, clip.count):
        region, properties = tracker.update({"color": images[index], "depth": "unused.png"})
        assert Box(*region).iou(clip.box(index)) > 0.5
        assert properties["confidence"] > 0


def test_an_error_reaches_the_toolkit_as_the_class_it_reports(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="none"):
        Tracker(model=str(tmp_path / "none.onnx"))
    tracker = Tracker(model=str(tiny_model))
    with pytest.raises(RuntimeError, match=r"missing\.jpg"):
        tracker.init(str(tmp_path / "missing.jpg"), ((1.0, 1.0, 9.0, 9.0), {}))


def test_a_setup_names_a_model_or_a_backbone(tiny_model: Path) -> None:
    for wrong in (Setup(), Setup(model=str(tiny_model), made=ExportOptions(backbone="vgg19"))):
        with pytest.raises(Usage, match="either"):
            open_tracker(wrong)


def test_distilling_at_the_second_frame_equals_exporting_from_the_first_two(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="distillation needs PyTorch (the extra [export])")
    pytest.importorskip("torchvision", reason="distillation needs torchvision (the extra [export])")
    from cdedge_export.pipeline import ExportOptions, export
    from cdedge_runtime.sources.frames import Source
    from cdedge_runtime.trackers.deepcd.tracker import Tracker as RuntimeTracker

    weights = _random_front(tmp_path / "front.pth")
    clip = MovingSquare(6)
    frames = [clip.frame(i) for i in range(6)]
    model = tmp_path / "two.onnx"
    options = ExportOptions(weights=str(weights), convention="torchvision", channels="16")
    export(Source("vot", lambda: iter(frames)), clip.box(0), model, options=options)
    wanted = RuntimeTracker(model, threads=1)
    found = DistillingTracker(options, provider="cpu", threads=1)
    with pytest.raises(NotInitialized):
        found.update(frames[1])
    assert found.init(frames[0], clip.box(0)).box == clip.box(0)
    wanted.init(frames[0], clip.box(0))
    for frame in frames[1:]:
        assert found.update(frame).box == wanted.update(frame).box


def _random_front(path: Path) -> Path:
    import torch

    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(64, 3, 3, 3, generator=generator) * 0.2
    torch.save({"features.0.weight": weight, "features.0.bias": torch.zeros(64)}, path)
    return path


def test_an_entrys_words_are_read_back() -> None:
    made = ExportOptions(backbone="vgg19", settings=("scale=none",), seed=3, reconstruct=True)
    setup = Setup(made=made, provider="cuda", threads=2)
    words = setup.words()
    assert setup_of(words.get("model"), words["options"], words["provider"], words["threads"]) == setup
    with pytest.raises(Usage, match="words of a tracker's entry"):
        setup_of(None, '{"colour": 1}', "cpu", None)
