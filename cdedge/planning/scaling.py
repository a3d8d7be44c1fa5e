"""From a frame rate here to one on a device that is not at hand: a roofline of two ratios, stated and predicted.

A frame takes longer there by the larger of two ratios: arithmetic (what one core reaches in matrix products, here
measured, there `MATRIX_SHARE` of its derived peak) and memory (what one core copies, here measured, there `COPY_SHARE`
of the stated bandwidth). Both shares are assumptions. Where no bandwidth is stated, arithmetic decides alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cdedge.show.render import many
from cdedge_devices import BadProfile, DeviceProfile, load
from cdedge_runtime.errors import Usage
from cdedge_runtime.measure.conditions import Conditions

MATRIX_SHARE = 0.8
COPY_SHARE = 0.5

_SIDE, _COPIED_BYTES, _TIMES = 512, 32_000_000, 7


@dataclass(frozen=True)
class Core:
    """What one core reaches: in matrix products of float32, and in bytes read and written by copying; None: unknown."""

    flops: float | None
    copied_bytes_per_s: float | None


@dataclass(frozen=True)
class Target:
    """Where the tracker is to run: this machine, or a device by its profile."""

    name: str
    profile: DeviceProfile | None = None


@dataclass(frozen=True)
class Pace:
    """How many times as long a frame takes there as here (None: it cannot be told), and what to know of figures."""

    slowdown: float | None
    notes: tuple[str, ...]


def target_of(name: str) -> Target:
    """``here``, or a device profile's name or file; raises `Usage` for one that is absent or absurd."""
    if name == "here":
        return Target(name)
    try:
        return Target(name, load(name))
    except BadProfile as error:
        raise Usage(str(error)) from error


def pace_of(target: Target, threads: int) -> Pace:
    """The pace of a target; raises `Usage` for more threads than it has cores."""
    if target.profile is None:
        return Pace(1.0, ())
    there = core_of(target.profile, threads)
    return Pace(slowdown(core_here(), there), notes(target, there))


def core_here() -> Core:
    """What one core of this machine reaches now; the best of several short runs."""
    matrix, source = np.ones((_SIDE, _SIDE), np.float32), np.ones(_COPIED_BYTES // 4, np.float32)
    product, copy = np.empty_like(matrix), np.empty_like(source)
    flops = 2 * _SIDE**3 / _best_s(lambda: np.matmul(matrix, matrix, out=product))
    return Core(flops, 2 * _COPIED_BYTES / _best_s(lambda: np.copyto(copy, source)))


def core_of(profile: DeviceProfile, threads: int) -> Core:
    """What one core of a device is assumed to reach; raises `Usage` for more threads than it has cores."""
    mode = profile.power_mode()
    if threads > mode.cores:
        raise Usage(f"{profile.id} has {mode.cores} cores in mode {mode.name}: ask for at most as many --threads")
    per_cycle, bandwidth = profile.cpu.fp32_flops_per_cycle, profile.memory.bandwidth_bytes_per_s
    stated = mode.bandwidth_bytes_per_s or (None if bandwidth is None else bandwidth.value)
    return Core(
        None if per_cycle is None else MATRIX_SHARE * per_cycle.value * mode.cpu_clock_hz,
        None if stated is None else COPY_SHARE * stated,
    )


def slowdown(here: Core, there: Core) -> float | None:
    """How many times as long a frame takes there; None where the device's arithmetic is not known."""
    if there.flops is None or here.flops is None:
        return None
    ratios = [here.flops / there.flops]
    if there.copied_bytes_per_s is not None and here.copied_bytes_per_s is not None:
        ratios.append(here.copied_bytes_per_s / there.copied_bytes_per_s)
    return max(ratios)


def notes(target: Target, there: Core) -> tuple[str, ...]:
    """What has to be known of figures for a target that is not at hand."""
    said = [f"{target.name} is not at hand: memory and fps are predicted, not measured"]
    if there.flops is None:
        said.append(f"{target.name}: no arithmetic per cycle is stated for its cores, so no fps can be predicted")
    elif there.copied_bytes_per_s is None:
        said.append(f"{target.name}: no memory bandwidth is stated; fps are scaled by arithmetic alone")
    return tuple(said)


def load_note(now: Conditions) -> tuple[str, ...]:
    """What to say of figures that are measured beside other programs; nothing where there are none."""
    if not now.busy:
        return ()
    return (
        f"other programs run here: load {now.load:g} on {many(now.usable_cpus, 'processor')}. Frame rates measured or "
        "predicted now do not count, nor does which option fits: stop them and plan again",
    )


def _best_s(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_TIMES):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)
