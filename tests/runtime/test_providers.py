"""Provider options, session entries and engine keys: all that can be said without a GPU."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from cdedge_runtime.errors import BadEnvironment, BadInput, ProviderUnavailable
from cdedge_runtime.model import providers
from cdedge_runtime.model.providers import (
    EngineKey,
    cache_root,
    engine_folder,
    gpu_and_driver,
    kleidiai_leaks,
    made,
    release,
    session_entries,
    tensorrt_options,
)
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.run import starting_box, track
from cdedge_runtime.sources.frames import open_source
from cdedge_runtime.trackers.deepcd.tracker import Tracker

KEY = EngineKey("NVIDIA H100 80GB HBM3", "570.1", "101300", "1.31.1", "ab" * 32)


def test_every_part_of_the_key_makes_another_folder() -> None:
    folders = {KEY.folder} | {replace(KEY, **{field.name: "other"}).folder for field in fields(KEY)}
    assert len(folders) == 1 + len(fields(KEY))
    assert KEY.folder.startswith("nvidia-h100-80gb-hbm3-trt-101300-")
    assert "/" not in replace(KEY, gpu="../../etc").folder


def test_parts_cannot_run_into_each_other() -> None:
    assert replace(KEY, gpu="a", driver="bc").folder != replace(KEY, gpu="ab", driver="c").folder


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CDEDGE_CACHE", str(tmp_path / "own"))
    assert cache_root() == tmp_path / "own"
    monkeypatch.delenv("CDEDGE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "cdedge"


def test_the_folder_follows_the_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CDEDGE_CACHE", str(tmp_path))
    monkeypatch.setattr(providers, "run_tool", lambda _: "NVIDIA A100, 550.54\n")
    first, second = tmp_path / "a.onnx", tmp_path / "b.onnx"
    first.write_bytes(b"a")
    second.write_bytes(b"b")
    assert engine_folder(first, "1.31.1") == engine_folder(first, "1.31.1") != engine_folder(second, "1.31.1")
    assert engine_folder(first, "1.31.1").name.startswith("nvidia-a100-")


def test_the_gpu_is_asked_for() -> None:
    assert gpu_and_driver(lambda _: "NVIDIA H100, 570.1\nNVIDIA H100, 570.1\n") == ("NVIDIA H100", "570.1")
    assert gpu_and_driver(lambda _: None) == ("unknown GPU", "unknown driver")


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadEnvironment, match="CDEDGE_CACHE"):
        made(tmp_path / "file" / "cache")


def test_tensorrt_keeps_its_engines_in_full_precision(tmp_path: Path) -> None:
    options = tensorrt_options(tmp_path)
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == str(tmp_path)
    assert (options["trt_engine_cache_enable"], options["trt_fp16_enable"]) == ("True", "False")
    assert tensorrt_options(tmp_path, half=True)["trt_fp16_enable"] == "True"
    assert all(isinstance(value, str) for value in options.values())


@pytest.mark.parametrize(
    ("version", "machine", "leaks"),
    [
        ("1.23.2", "aarch64", False),
        ("1.24.0", "aarch64", True),
        ("1.26.1", "arm64", True),
        ("1.27.0", "aarch64", False),
        ("1.25.0", "x86_64", False),
    ],
)
def test_kleidiai_is_off_where_it_leaks(version: str, machine: str, leaks: bool) -> None:
    assert kleidiai_leaks(version, machine) is leaks
    assert ("mlas.disable_kleidiai" in session_entries(version, machine)) is leaks
    assert session_entries(version, machine)["session.intra_op.allow_spinning"] == "0"


def test_releases_are_compared_as_numbers() -> None:
    assert release("1.9.0") < release("1.16.3") < release("1.24.0rc1")
    assert release("unknown") == (0, 0)


def test_nodes_are_counted_where_onnxruntime_tells(tiny_model: Path) -> None:
    nodes = Extractor(tiny_model, threads=1).nodes()
    if nodes is None:
        pytest.skip("this onnxruntime does not tell where nodes run")
    assert set(nodes) == {"CPUExecutionProvider"}
    assert nodes["CPUExecutionProvider"] >= 3


def test_an_onnxruntime_that_does_not_tell_is_not_asked(tiny_model: Path) -> None:
    extract = Extractor(tiny_model, threads=1)
    extract.session = object()
    assert extract.nodes() is None


def test_a_provider_that_fails_in_the_middle_keeps_the_estimates(tiny_model: Path, square_folder: Path) -> None:
    extract = Extractor(tiny_model, threads=1)
    real, runs = extract.session, []

    class Failing:
        def run_with_iobinding(self, binding: object) -> None:
            runs.append(1)
            if len(runs) > 9:
                raise RuntimeError("CUDA error 719\nmore")
            real.run_with_iobinding(binding)

    extract.session, extract.provider = Failing(), "CUDAExecutionProvider"
    source = open_source(str(square_folder))
    report = track(Tracker(extract), source, starting_box(source, extract.spec, None))
    assert 2 <= report.frames < 12
    assert isinstance(report.error, ProviderUnavailable)
    assert "failed while running: CUDA error 719; " in str(report.error)
    assert report.error.field == "provider"


@pytest.mark.parametrize(
    ("reason", "said"), [("broken", "failed while running: broken$"), ("std::bad_alloc", "memory ran out")]
)
def test_the_cpu_provider_is_no_way_out_of_its_own_failure(tiny_model: Path, reason: str, said: str) -> None:
    class Failing:
        def run_with_iobinding(self, _: object) -> None:
            raise RuntimeError(reason)

    extract = Extractor(tiny_model, threads=1)
    extract.session = Failing()
    with pytest.raises(BadEnvironment, match=said) as caught:
        extract(np.zeros((64, 64, 3), np.uint8))
    assert not isinstance(caught.value, ProviderUnavailable)


@pytest.mark.parametrize(
    ("patch", "came"),
    [
        (np.zeros((64, 63, 3), np.uint8), "(64, 63, 3) uint8"),
        (np.zeros((64, 64, 3), np.float32), "(64, 64, 3) float32"),
        (np.zeros((64, 64), np.uint8), "(64, 64) uint8"),
        (np.zeros((2, 64, 64, 3), np.uint8), "(2, 64, 64, 3) uint8"),
        (None, "NoneType"),
        ([1, 2], "list"),
    ],
)
def test_a_window_that_does_not_fit_is_named(tiny_model: Path, patch: object, came: str) -> None:
    extract = Extractor(tiny_model, threads=1)
    with pytest.raises(BadInput, match=rf"patch: expected \(64, 64, 3\) uint8, got {re.escape(came)}"):
        extract(patch)
    if not isinstance(patch, np.ndarray) or patch.ndim != 4:
        with pytest.raises(BadInput, match=r"patch: expected \(N, 64, 64, 3\) uint8"):
            extract.batch(patch)


def test_a_window_may_lie_in_memory_as_it_likes(tiny_model: Path) -> None:
    extract = Extractor(tiny_model, threads=1)
    patch = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    wanted = extract(patch).copy()
    for same in (np.asfortranarray(patch), np.repeat(patch, 2, axis=0)[::2], patch[::-1].copy()[::-1]):
        np.testing.assert_array_equal(extract(same), wanted)


def test_a_provider_that_is_not_here_is_an_error_with_its_remedy(tiny_model: Path) -> None:
    for name in ("tensorrt", "vulkan", "", None, ["cpu"]):
        with pytest.raises(ProviderUnavailable, match="cpu") as caught:
            Extractor(tiny_model, provider=name)
        assert caught.value.field == "provider"
