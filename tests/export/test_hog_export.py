"""Export of the context-aware filter and of CF2 as a user runs it, and distillation over HOG's channels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="exporting needs PyTorch: pip install -e '.[export]'")
from cdedge_export.choose.plan import DistillOptions
from cdedge_export.choose.search import GivenFilter
from cdedge_export.recipes.cacf import distill_hog
from cdedge_export.recipes.cf2 import _grid
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from cdedge_runtime.filter import fourier as dcf
from cdedge_runtime.model.contract import Tap
from cdedge_runtime.model.hog import HogFeatures
from cdedge_runtime.model.session import read_spec
from cdedge_runtime.trackers.cacf import tracker as cacf
from cdedge_runtime.trackers.cacf.settings import CacfSettings
from tests.conftest import Done, MovingSquare, make_spec

Run = Callable[..., Done]


def answer(done: Done) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def mean_iou(boxes: list[list[float]], clip: MovingSquare) -> float:
    found = [Box(x - 1, y - 1, w, h) for x, y, w, h in boxes]
    return float(np.mean([box.iou(clip.box(i)) for i, box in enumerate(found)]))


@pytest.mark.parametrize("options", [["--no-distill"], ["--channels", "12"], ["--set", "form=joint"]])
def test_cacf_from_a_sequence_to_boxes(
    cdedge: Run, square_folder: Path, moving_square: MovingSquare, tmp_path: Path, options: list[str]
) -> None:
    model = tmp_path / "cacf.onnx"
    made = answer(cdedge("export", square_folder, "--tracker", "cacf", *options, "-o", model, "--json"))
    assert made["parity"] is None
    assert made["costs"] == []
    spec = read_spec(model)
    assert (spec.tracker, spec.backbone, spec.weight_bytes) == ("cacf", "fhog", 0)
    assert spec.channels == {"--no-distill": 31, "--channels": 12}.get(options[0], spec.channels)
    tracked = answer(cdedge("track", model, square_folder, "--threads", 1, "--json"))
    assert mean_iou(tracked["boxes"], moving_square) > 0.7


def test_cf2_from_a_sequence_to_boxes(
    cdedge: Run, square_folder: Path, moving_square: MovingSquare, tmp_path: Path
) -> None:
    model = tmp_path / "cf2.onnx"
    options = ("--tracker", "cf2", "--no-distill", "--layers", "11", "--weights", "bundled")
    answer(cdedge("export", square_folder, *options, "-o", model, "--json"))
    spec = read_spec(model)
    assert spec.input_px == (224, 224)
    assert spec.grid == (14, 16)  # floor(2.8 * 20) // 4, floor(2.8 * 24) // 4
    assert spec.channels == 64
    tracked = answer(cdedge("track", model, square_folder, "--threads", 1, "--json"))
    assert mean_iou(tracked["boxes"], moving_square) > 0.7


def test_cf2_can_be_distilled_too(cdedge: Run, square_folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "cf2.onnx"
    answer(cdedge("export", square_folder, "--tracker", "cf2", "--channels", 20, "-o", model, "--json"))
    assert read_spec(model).channels == 20


def test_a_large_targets_grid_is_no_finer_than_the_networks_input_and_says_so() -> None:
    said: list[str] = []
    assert _grid((600.0, 896.0), (224, 224), said.append) == (150, 224)
    assert said == []
    assert _grid((600.0, 2000.0), (224, 224), said.append) == (150, 224)
    assert "2000x600 px gets 224x150 cells" in said[0]
    assert "500x150" in said[0]


def test_plans_of_hog_are_replayed(cdedge: Run, square_folder: Path, tmp_path: Path) -> None:
    plan, first, again = tmp_path / "plan.json", tmp_path / "1.onnx", tmp_path / "2.onnx"
    base = ("export", square_folder, "--tracker", "cacf")
    assert cdedge(*base, "--channels", 9, "--save-channels", plan, "-o", first).returncode == 0
    assert cdedge(*base, "--channels-from", plan, "-o", again).returncode == 0
    assert read_spec(again).taps == read_spec(first).taps


def test_inspect_and_bench_take_a_file_without_network(cdedge: Run, square_folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "cacf.onnx"
    assert cdedge("export", square_folder, "--tracker", "cacf", "-o", model).returncode == 0
    shown = cdedge("inspect", model)
    assert shown.returncode == 0
    assert "HOG" in shown.stdout
    assert "sha256" not in shown.stdout
    report = answer(cdedge("bench", model, square_folder, "--frames", 5, "--threads", 1, "--json"))
    assert report["provider"] == "numpy"
    assert report["memory"]["weights_bytes"] == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--tracker", "atom"], "unknown tracker"),
        (["--tracker", "cacf", "--layers", "11+12"], "--layers: it is for networks"),
        (["--tracker", "cacf", "--input", "128"], "--input: it is for networks"),
        (["--tracker", "cacf", "--search", "reduced"], "context patches"),
        (["--tracker", "cacf", "--channels", "32"], "31 channels"),
        (["--tracker", "cacf", "--set", "support=2"], "setting 'support=2'"),
        (["--tracker", "cf2", "--set", "memory=2"], "setting 'memory=2'"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    cdedge: Run, square_folder: Path, tmp_path: Path, options: list[str], text: str
) -> None:
    done = cdedge("export", square_folder, *options, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert text in done.stderr
    assert not list(tmp_path.glob("*.onnx"))


def whole_method(box: Box) -> cacf.Cacf:
    grid = cacf.grid_for(box.size, CacfSettings())
    taps = (Tap("hog", tuple(range(31)), 31),)
    pixels = (4 * grid[0], 4 * grid[1])
    spec = make_spec(tracker="cacf", backbone="fhog", taps=taps, input_px=pixels, grid=grid, settings=CacfSettings())
    return cacf.Cacf(HogFeatures(spec))


@pytest.mark.parametrize("search", ["ncc", "e4"])
def test_the_search_lowers_its_energy(search: str) -> None:
    clip = MovingSquare()
    options = DistillOptions(rank="energy", search=search, channels="10")
    plan = distill_hog([clip.frame(0), clip.frame(1)], clip.box(0), whole_method(clip.box(0)), options)
    assert plan.channels == 10
    assert plan.selection.energy_after < plan.selection.energy_before


def test_black_frames_give_a_plan_without_nan() -> None:
    black, box = np.zeros((90, 90, 3), np.uint8), Box(30, 30, 24, 20)
    plan = distill_hog([black, black], box, whole_method(box), DistillOptions(search="ncc", channels="5"))
    assert plan.channels == 5
    assert np.isfinite(plan.taps[0].friendliness).all()


def test_reduced_is_refused() -> None:
    clip = MovingSquare()
    with pytest.raises(Usage, match="context"):
        distill_hog([clip.frame(0)] * 2, clip.box(0), whole_method(clip.box(0)), DistillOptions(search="reduced"))


def test_labels_per_sample_count_context_as_error() -> None:
    """Against the energy written out: |r - y|^2 on the target, |r|^2 on the context, plus the penalty."""
    rng, grid, ridge = np.random.default_rng(0), (6, 6), 0.3
    maps = rng.standard_normal((2, 4, *grid)).astype(np.float32)
    samples, label = dcf.spectrum(maps), dcf.spectrum(dcf.gaussian_label(grid, (1.0, 1.0)))
    g = dcf.solve(samples[:1], label, 1.0)
    labels = np.stack([label, np.zeros_like(label)])
    objective = GivenFilter(samples, g, labels, grid=grid, ridge=ridge, amplitude=True)
    kept = np.array([0, 2])
    objective.select(kept)
    answers = [dcf.respond(sample[kept], g[kept], grid) for sample in samples]
    error = [np.sum((r - dcf.inverse(y, grid)) ** 2) for r, y in zip(answers, labels, strict=True)]
    penalty = ridge * np.sum(dcf.inverse(g[kept], grid) ** 2)
    cells = grid[0] * grid[1]  # Parseval: spectra are unnormalised
    assert objective.energy() == pytest.approx(cells * (sum(error) + penalty), rel=1e-4)


def test_evaluate_exports_one_file_per_sequence(cdedge: Run, tmp_path: Path) -> None:
    MovingSquare(6).save(tmp_path / "data" / "A")
    MovingSquare(6).save(tmp_path / "data" / "B")
    results = tmp_path / "results"
    done = cdedge("evaluate", "--root", tmp_path / "data", "--tracker", "cacf", "--no-distill", "-o", results, "--json")
    assert answer(done)["schema"] == "cdedge.evaluate/1"
    models = sorted((results / "models").glob("*.onnx"))
    assert [read_spec(path).tracker for path in models] == ["cacf", "cacf"]
