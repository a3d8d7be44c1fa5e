from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cdedge_export.distill import DistillOptions, TwoFrames, distill, keep_all
from cdedge_export.plan import load_plan
from cdedge_runtime import dcf
from cdedge_runtime.errors import BadInput, Usage

GRID = (16, 16)


def two_frames(noise: float = 0.2) -> TwoFrames:
    rng = np.random.default_rng(0)
    taps = {}
    for name, channels, loudness in (("11", 8, 1.0), ("21", 12, 50.0)):
        base = np.abs(rng.standard_normal((1, channels, *GRID)))
        second = np.abs(base + noise * rng.standard_normal(base.shape))
        taps[name] = (loudness * np.concatenate([base, second])).astype(np.float32)
    return TwoFrames(taps, dcf.spectrum(dcf.gaussian_label(GRID, (1.0, 1.0))), padding=4.0, power=0.5)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [("7", 7), ("0.5", 4 + 6), ("paper", round(8 * 28.4 / 64) + round(12 * 44.3 / 128))],
)
@pytest.mark.parametrize("search", ["none", "reduced", "e4", "ncc"])
def test_the_count_is_what_was_asked(channels: str, expected: int, search: str) -> None:
    plan = distill("vgg19", two_frames(), DistillOptions(channels=channels, search=search))
    assert plan.channels == expected
    for tap in plan.taps:
        assert list(tap.kept) == sorted(set(tap.kept))
        assert all(0 <= c < tap.total for c in tap.kept)


def test_shares_are_per_layer_when_nothing_is_swapped() -> None:
    plan = distill("vgg19", two_frames(), DistillOptions(channels="0.25", search="none"))
    assert [len(tap.kept) for tap in plan.taps] == [2, 3]


def test_auto_keeps_a_useful_subset() -> None:
    plan = distill("vgg19", two_frames(), DistillOptions(channels="auto"))
    assert 1 <= plan.channels <= 20


def test_a_layers_loudness_does_not_matter() -> None:
    frames = two_frames()
    quiet = TwoFrames(
        {k: v / v.max() for k, v in frames.taps.items()}, frames.label, frames.padding, frames.power
    )
    options = DistillOptions(channels="9")
    assert [t.kept for t in distill("vgg19", frames, options).taps] == [
        t.kept for t in distill("vgg19", quiet, options).taps
    ]


def test_search_lowers_the_energy_and_says_so() -> None:
    plan = distill("vgg19", two_frames(), DistillOptions(rank="energy", channels="6"))
    before, after = plan.selection.energy_before, plan.selection.energy_after
    assert before is not None
    assert after is not None
    assert after < before
    assert plan.swaps > 0


def test_random_plans_differ_by_seed_only() -> None:
    def kept(seed: int) -> list[tuple[int, ...]]:
        options = DistillOptions(rank="random", search="none", channels="6", seed=seed)
        return [t.kept for t in distill("vgg19", two_frames(), options).taps]

    assert kept(1) == kept(1)
    assert kept(1) != kept(2)


@pytest.mark.parametrize("channels", ["0", "-3", "x", "1.5", "21", "nan"])
def test_impossible_counts_are_refused(channels: str) -> None:
    with pytest.raises(Usage, match="--channels"):
        distill("vgg19", two_frames(), DistillOptions(channels=channels))


def test_black_frames_give_a_plan_without_nan() -> None:
    black = TwoFrames({"11": np.zeros((2, 8, *GRID), np.float32)}, two_frames().label, 4.0, 0.5)
    plan = distill("vgg19", black, DistillOptions(channels="3"))
    assert plan.channels == 3
    assert all(np.isfinite(tap.friendliness).all() for tap in plan.taps)


def test_the_inputs_are_not_changed() -> None:
    frames = two_frames()
    copies = {k: v.copy() for k, v in frames.taps.items()}
    distill("vgg19", frames, DistillOptions())
    for name, maps in frames.taps.items():
        np.testing.assert_array_equal(maps, copies[name])


def test_plans_are_saved_and_replayed(tmp_path: Path) -> None:
    plan = distill("vgg19", two_frames(), DistillOptions(channels="6"))
    plan.save(tmp_path / "plan.json")
    assert load_plan(tmp_path / "plan.json") == plan


def test_a_damaged_plan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"schema": 1}))
    with pytest.raises(BadInput, match="not a channel plan"):
        load_plan(path)


def test_keeping_all_is_the_baseline() -> None:
    plan = keep_all(distill("vgg19", two_frames(), DistillOptions(channels="6")))
    assert [len(t.kept) for t in plan.taps] == [8, 12]
