"""The pictures' maps are the exported file's own features, and those of the channels it left out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cdedge_export.maps import first_window, hog_maps, kept_maps, whole_maps
from cdedge_export.pipeline import ExportOptions, export
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from cdedge_runtime.model.contract import ModelSpec
from cdedge_runtime.sources.frames import open_source
from tests.export.onnx_nets import plain

SOURCE = open_source(None)
FRAME = next(SOURCE.frames())


def exported(path: Path, tracker: str = "deepcd") -> ModelSpec:
    options = ExportOptions(tracker=tracker)
    return export(SOURCE, None, path, options=options).spec


@pytest.mark.parametrize("tracker", ["deepcd", "cacf"])
def test_the_whole_holds_what_the_file_computes(tmp_path: Path, tracker: str) -> None:
    spec = exported(tmp_path / "m.onnx", tracker)
    window = first_window(spec, FRAME, Box(*spec.source.box)).pixels
    maps = whole_maps(spec, window) if tracker == "deepcd" else hog_maps(spec, window)
    (tap,) = spec.taps
    assert maps[tap.name].shape == (tap.total, *spec.grid)
    kept = kept_maps(tmp_path / "m.onnx", window)[tap.name]
    np.testing.assert_allclose(maps[tap.name][list(tap.kept)], kept, rtol=1e-4, atol=1e-4)


def test_layers_are_told_apart(tmp_path: Path) -> None:
    spec = export(SOURCE, None, tmp_path / "m.onnx", options=ExportOptions(layers="11+12")).spec
    window = first_window(spec, FRAME, Box(*spec.source.box)).pixels
    kept, whole = kept_maps(tmp_path / "m.onnx", window), whole_maps(spec, window)
    for tap in spec.taps:
        np.testing.assert_allclose(whole[tap.name][list(tap.kept)], kept[tap.name], rtol=1e-3, atol=1e-2)


def test_the_outline_has_the_targets_shape(tmp_path: Path) -> None:
    spec = exported(tmp_path / "m.onnx")
    box = Box(*spec.source.box)
    high, wide = first_window(spec, FRAME, box).target
    assert wide / high == pytest.approx(box.width / box.height)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    spec = exported(tmp_path / "m.onnx")
    window = np.zeros((*spec.input_px, 3), np.uint8)
    for name in ("bundled", "elsewhere.pth"):
        other = dataclasses.replace(spec, weights=dataclasses.replace(spec.weights, name=name, sha256="00" * 32))
        with pytest.raises(Usage, match="the file was made from"):
            whole_maps(other, window)


def test_components_of_a_projection_have_no_whole(tmp_path: Path) -> None:
    spec = exported(tmp_path / "m.onnx", "eco")
    window = first_window(spec, FRAME, Box(*spec.source.box)).pixels
    assert len(kept_maps(tmp_path / "m.onnx", window)["11"]) == len(spec.taps[0].kept)
    with pytest.raises(Usage, match="components of eco's projection"):
        whole_maps(spec, window)


def test_a_file_cut_from_a_graph_is_told_with_it(tmp_path: Path) -> None:
    net, end = plain(12)
    path = net.save(tmp_path / "net.onnx", [end])
    options = ExportOptions(backbone=str(path), layers="relu1+relu3", convention="torchvision", channels="0.5")
    spec = export(SOURCE, None, tmp_path / "m.onnx", options=options, timed=False).spec
    window = first_window(spec, FRAME, Box(*spec.source.box)).pixels
    kept, whole = kept_maps(tmp_path / "m.onnx", window), whole_maps(spec, window, weights=str(path))
    for tap in spec.taps:
        assert len(whole[tap.name]) == tap.total
        np.testing.assert_allclose(whole[tap.name][list(tap.kept)], kept[tap.name], rtol=1e-4, atol=1e-4)
    with pytest.raises(Usage, match=r"weights: the full network needs .* net\.onnx"):
        whole_maps(spec, window)
    other = plain(8)[0].save(tmp_path / "other.onnx", [end])
    with pytest.raises(Usage, match=r"net\.onnx \(sha256 .*got other\.onnx"):
        whole_maps(spec, window, weights=str(other))
