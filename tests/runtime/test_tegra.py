"""Lines of ``tegrastats`` from several boards, and a fake of it that runs on."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cdedge_runtime.measure.conditions import first_line, parse_tegra, read_conditions, read_tegra

MEMORY = "RAM 2448/7620MB (lfb 4x4MB) SWAP 0/3810MB (cached 0MB) CPU [3%@1510,0%@1510,off]"
ORIN = f"{MEMORY} EMC_FREQ 1%@2133 GR3D_FREQ 45%@[306,300] NVDEC off cpu@46.5C tj@48.25C gpu@-256C VDD_IN 4000mW/4100mW"
NANO = f"{MEMORY} EMC_FREQ 0%@1600 GR3D_FREQ 7%@921 APE 25 PLL@24C PMIC@100C CPU@26C POM_5V_IN 2532/2532 POM_5V_CPU 5/5"


def fake(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = folder / "tegrastats"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_an_orin_tells_gpu_power_and_heat() -> None:
    found = parse_tegra(ORIN)
    assert (found.gpu_share, found.gpu_clock_hz, found.memory_clock_hz) == (0.45, 306e6, 2133e6)
    assert found.temperatures_c == {"cpu": 46.5, "tj": 48.25}
    assert found.power_mw == {"VDD_IN": 4000.0}


def test_a_nano_writes_no_units_and_a_constant_sensor() -> None:
    found = parse_tegra(NANO)
    assert (found.gpu_share, found.gpu_clock_hz) == (0.07, 921e6)
    assert found.temperatures_c == {"PLL": 24.0, "CPU": 26.0}
    assert found.power_mw == {"POM_5V_IN": 2532.0, "POM_5V_CPU": 5.0}


def test_without_rights_there_are_no_clocks() -> None:
    found = parse_tegra(f"{MEMORY} EMC_FREQ 0% GR3D_FREQ 0% CPU@33C")
    assert (found.gpu_share, found.gpu_clock_hz, found.memory_clock_hz, found.power_mw) == (0.0, None, None, {})


def test_a_line_of_something_else_tells_nothing() -> None:
    found = parse_tegra("usage: tegrastats")
    assert (found.gpu_share, found.temperatures_c, found.power_mw) == (None, {}, {})


def test_it_is_read_once_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f'echo $$ > {tmp_path}/pid\nwhile true; do echo "{ORIN}"; sleep 0.05; done'
    fake(tmp_path, script, monkeypatch)
    now = read_conditions(tmp_path)
    assert now.tegra == parse_tegra(ORIN)
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_one_that_says_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, "exec sleep 60", monkeypatch)
    begin = time.monotonic()
    assert first_line(("tegrastats",), timeout_s=0.1) is None
    assert time.monotonic() - begin < 30


def test_one_that_fails_or_is_absent_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert first_line(("tegrastats-that-is-not-there",), timeout_s=1) is None
    fake(tmp_path, "exit 1", monkeypatch)
    assert read_tegra() is None
