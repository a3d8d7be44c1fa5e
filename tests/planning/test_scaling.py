"""Frame rates carried to a device by its profile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdedge.planning.scaling import (
    COPY_SHARE,
    MATRIX_SHARE,
    Core,
    Pace,
    core_here,
    core_of,
    load_note,
    notes,
    pace_of,
    slowdown,
    target_of,
)
from cdedge_devices import load
from cdedge_runtime.errors import Usage
from cdedge_runtime.measure.conditions import read_conditions


def test_a_core_is_its_profiles_arithmetic_and_bandwidth() -> None:
    core = core_of(load("jetson-nano"), 1)
    assert core.flops == pytest.approx(MATRIX_SHARE * 8 * 1.479e9)
    assert core.copied_bytes_per_s == pytest.approx(COPY_SHARE * 25.6e9)


def test_the_larger_ratio_decides() -> None:
    assert slowdown(Core(100.0, 10.0), Core(50.0, 10.0)) == 2
    assert slowdown(Core(100.0, 30.0), Core(50.0, 10.0)) == 3


def test_without_bandwidth_arithmetic_decides_and_it_is_said() -> None:
    target = target_of("raspberry-pi-4")
    assert target.profile is not None
    core = core_of(target.profile, 1)
    assert core.copied_bytes_per_s is None
    assert core.flops is not None
    assert slowdown(Core(3 * core.flops, 1.0), core) == pytest.approx(3)
    assert any("no memory bandwidth" in note for note in notes(target, core))


def test_without_arithmetic_there_is_no_rate_and_it_is_said() -> None:
    target = target_of("jetson-xavier-nx")
    assert target.profile is not None
    core = core_of(target.profile, 1)
    assert slowdown(Core(1.0, 1.0), core) is None
    assert any("no fps can be predicted" in note for note in notes(target, core))


def test_this_machine_needs_no_profile_and_has_figures() -> None:
    target = target_of("here")
    assert target.profile is None
    assert pace_of(target, 1) == Pace(1.0, ())
    core = core_here()
    assert core.flops is not None
    assert core.flops > 1e8


def test_more_threads_than_cores_are_refused() -> None:
    with pytest.raises(Usage, match="4 cores"):
        pace_of(target_of("jetson-nano"), 5)


def test_a_modes_own_bandwidth_goes_before_the_modules() -> None:
    profile = load("jetson-nano")
    mode = replace(profile.power_mode(), bandwidth_bytes_per_s=1e9)
    core = core_of(replace(profile, power_modes=(mode,)), 1)
    assert core.copied_bytes_per_s == pytest.approx(COPY_SHARE * 1e9)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(Usage, match="toaster"):
        target_of("toaster")


def test_figures_taken_beside_other_programs_are_said_to_be() -> None:
    now = read_conditions()
    quiet, busy = replace(now, load=0.1, usable_cpus=2), replace(now, load=12.0, usable_cpus=2)
    assert load_note(quiet) == load_note(replace(now, load=None)) == ()
    (said,) = load_note(busy)
    assert said.startswith("other programs run here: load 12 on 2 processors. Frame rates measured or")
