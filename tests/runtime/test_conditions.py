"""Conditions read from a faked /proc and /sys."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdedge_runtime.board import l4t_release
from cdedge_runtime.measure.conditions import Conditions, cpu_limit, memory_limit, read_conditions
from cdedge_runtime.record import decode, encode


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_jetson_is_read(tmp_path: Path) -> None:
    tegra = "# R36 (release), REVISION: 4.3, GCID: 1, BOARD: generic, EABI: aarch64\n"
    root = write(
        tmp_path,
        {
            "etc/nv_tegra_release": tegra,
            "proc/device-tree/model": "NVIDIA Jetson Orin Nano\0",
            "proc/meminfo": "MemTotal:        1000 kB\nMemAvailable:     400 kB\n",
            "proc/loadavg": "0.50 0.40 0.30 1/100 4242\n",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "schedutil\n",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "729600\n",
            "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "1510400\n",
            "sys/class/thermal/thermal_zone0/temp": "41250\n",
            "sys/class/thermal/thermal_zone1/temp": "unreadable\n",
            "sys/class/thermal/cooling_device0/type": "thermal-cpufreq-0\n",
            "sys/class/thermal/cooling_device0/cur_state": "2\n",
            "sys/class/thermal/cooling_device1/type": "pwm-fan\n",
            "sys/class/thermal/cooling_device1/cur_state": "3\n",
        },
    )
    now = read_conditions(root, ask=lambda _: "NV Power Mode: 15W\n0\n")
    assert (now.l4t, now.board, now.power_mode) == ("r36.4.3", "NVIDIA Jetson Orin Nano", "15W")
    assert (now.memory_bytes, now.available_bytes) == (1_024_000, 409_600)
    assert now.clock_hz == pytest.approx(1.5104e9)
    assert now.temperature_c == pytest.approx(41.25)
    assert now.throttling == ("thermal-cpufreq-0 (cooling_device0) is active",)
    assert (now.governor, now.load) == ("schedutil", 0.5)


def test_a_raspberry_pi_tells_throttling_by_its_firmware(tmp_path: Path) -> None:
    file = "sys/devices/platform/soc/soc:firmware/get_throttled"
    assert read_conditions(write(tmp_path, {file: "0x50005\n"}), lambda _: None).throttling == (
        "the firmware reports 0x50005",
    )
    assert read_conditions(write(tmp_path, {file: "0x50000\n"}), lambda _: None).throttling == ()


def test_what_is_not_told_is_none(tmp_path: Path) -> None:
    now = read_conditions(tmp_path, lambda _: None)
    absent = (now.l4t, now.board, now.memory_bytes, now.governor, now.clock_hz, now.temperature_c, now.throttling)
    assert {*absent, now.power_mode, now.load, now.cgroup_cpus, now.cgroup_bytes} == {None}


def test_conditions_survive_json() -> None:
    now = read_conditions()
    assert decode(Conditions, encode(now)) == now
    assert now.usable_cpus >= 1
    assert now.versions["numpy"]


@pytest.mark.parametrize(
    ("files", "cpus", "memory"),
    [
        ({}, None, None),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
                "sys/fs/cgroup/a/b/memory.max": "max\n",
                "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
                "sys/fs/cgroup/a/memory.max": "2000000\n",
            },
            1.5,
            2_000_000,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/\n0::/\n",
                "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "3000000\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            0.5,
            3_000_000,
        ),
        (
            {
                "proc/self/cgroup": "3:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
            None,
        ),
    ],
)
def test_control_groups(tmp_path: Path, files: dict[str, str], cpus: float | None, memory: int | None) -> None:
    root = write(tmp_path, files)
    assert (cpu_limit(root), memory_limit(root)) == (cpus, memory)


def test_an_unusual_tegra_line_is_kept() -> None:
    assert l4t_release("R99 something\nmore") == "R99 something"
