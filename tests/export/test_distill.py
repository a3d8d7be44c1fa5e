from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cdedge_export.choose.distill import TwoFrames, distill, keep_all, rounded, seed_set
from cdedge_export.choose.plan import DistillOptions, load_plan
from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.filter import fourier as dcf

GRID = (16, 16)


def two_frames(noise: float = 0.2) -> TwoFrames:
    rng = np.random.default_rng(0)
    taps = {}
    for name, channels, loudness in (("11", 8, 1.0), ("21", 12, 50.0)):
        base = np.abs(rng.standard_normal((1, channels, *GRID)))
        second = np.abs(base + noise * rng.standard_normal(base.shape))
        taps[name] = (loudness * np.concatenate([base, second])).astype(np.float32)
    return TwoFrames(
        taps, dcf.spectrum(dcf.gaussian_label(GRID, (1.0, 1.0))), padding=4.0, power=0.5, target=(4.0, 4.0)
    )


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


def test_auto_keeps_a_quarter_to_two_fifths() -> None:
    plan = distill("vgg19", two_frames(), DistillOptions(channels="auto"))
    assert 5 <= plan.channels <= 8


def test_auto_takes_the_fewest_that_are_as_sure_as_the_best() -> None:
    """Counts tried of 20 channels: 5 to 8. The best, 99 with 8, is met to 2 % from 97.02 on: by 6."""
    sure = {5: 97.0, 6: 97.1, 7: 90.0, 8: 99.0}
    layers = {"11": slice(0, 8), "21": slice(8, 20)}
    kept = seed_set("auto", list(range(19, -1, -1)), layers, quality=lambda kept: sure[len(kept)])
    assert kept == [19, 18, 17, 16, 15, 14]


def test_a_negative_best_is_still_within_2_percent_of_itself() -> None:
    layers = {"11": slice(0, 5)}
    assert seed_set("auto", [4, 3, 2, 1, 0], layers, quality=lambda kept: -float(len(kept))) == [4]


def test_twins_are_not_kept_together() -> None:
    """A third layer repeats the best channel: a set of two holds it once."""
    frames = two_frames(noise=0.3)
    alone = distill("vgg19", frames, DistillOptions(channels="1"))
    best = next((tap.name, tap.kept[0]) for tap in alone.taps if tap.kept)
    taps = {**frames.taps, "31": np.repeat(frames.taps[best[0]][:, [best[1]]], 2, axis=1)}
    plan = distill("vgg19", replace(frames, taps=taps), DistillOptions(channels="2"))
    assert sum(tap.kept == (best[1],) for tap in plan.taps[:2]) + len(plan.taps[-1].kept) == 1


def test_a_layers_loudness_does_not_matter() -> None:
    frames = two_frames()
    quiet = TwoFrames(
        {k: v / v.max() for k, v in frames.taps.items()}, frames.label, frames.padding, frames.power, frames.target
    )
    options = DistillOptions(channels="9")
    assert [t.kept for t in distill("vgg19", frames, options).taps] == [
        t.kept for t in distill("vgg19", quiet, options).taps
    ]


def test_search_lowers_the_energy_and_says_so() -> None:
    plan = distill("vgg19", two_frames(), DistillOptions(rank="energy", search="reduced", channels="6"))
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
    with pytest.raises(Usage, match=r"channels .*: "):
        distill("vgg19", two_frames(), DistillOptions(channels=channels))


def test_black_frames_give_a_plan_without_nan() -> None:
    black = TwoFrames({"11": np.zeros((2, 8, *GRID), np.float32)}, two_frames().label, 4.0, 0.5, (4.0, 4.0))
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
    with pytest.raises(BadInput, match="no channels that an export saved"):
        load_plan(path)


def test_keeping_all_is_the_baseline() -> None:
    plan = keep_all(distill("vgg19", two_frames(), DistillOptions(channels="6")))
    assert [len(t.kept) for t in plan.taps] == [8, 12]


@pytest.mark.parametrize(("count", "expected"), [(26, 32), (23, 16), (5, 16), (64, 64)])
def test_rounding_keeps_the_best_of_each_layer(count: int, expected: int) -> None:
    """Two layers of 64; the second is not used and stays so."""
    order = [int(i) for i in np.random.default_rng(0).permutation(128)]
    inside = [i for i in order if i < 64]
    kept = rounded(inside[:count], order, {"a": slice(0, 64), "b": slice(64, 128)}, 16)
    assert kept == inside[:expected]
