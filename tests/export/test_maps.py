"""The pictures' maps are the exported file's own features, and those of the channels it left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cdedge_export.maps import first_frame_maps
from cdedge_export.pipeline import ExportOptions, export
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from cdedge_runtime.frames import open_source
from cdedge_runtime.opening import open_features
from cdedge_runtime.tracker_settings import CacfSettings


@pytest.mark.parametrize("options", [ExportOptions(), ExportOptions(settings=CacfSettings())])
def test_kept_channels_are_what_the_file_computes(tmp_path: Path, options: ExportOptions) -> None:
    source = open_source(None)
    spec = export(source, None, tmp_path / "m.onnx", options=options).spec
    maps = first_frame_maps(spec, next(source.frames()), Box(*spec.source.box))
    features = open_features(tmp_path / "m.onnx", threads=1)(maps.window)
    (tap,) = spec.taps
    assert maps.layers[tap.name].shape == (tap.total, *spec.grid)
    np.testing.assert_allclose(maps.layers[tap.name][list(tap.kept)], features, rtol=1e-4, atol=1e-4)


def test_the_target_is_where_the_outline_says(tmp_path: Path) -> None:
    source = open_source(None)
    spec = export(source, None, tmp_path / "m.onnx", options=ExportOptions()).spec
    box = Box(*spec.source.box)
    wide, high = first_frame_maps(spec, next(source.frames()), box).target[::-1]
    assert wide / high == pytest.approx(box.width / box.height)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    import dataclasses

    source = open_source(None)
    spec = export(source, None, tmp_path / "m.onnx", options=ExportOptions()).spec
    for name in ("bundled", "elsewhere.pth"):
        other = dataclasses.replace(spec, weights=dataclasses.replace(spec.weights, name=name, sha256="00" * 32))
        with pytest.raises(Usage, match="the weights the file was made from"):
            first_frame_maps(other, next(source.frames()), Box(*spec.source.box))
