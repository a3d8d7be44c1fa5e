"""Reads the text of a device profile strictly: nothing missing, unknown or absurd passes."""

from __future__ import annotations

import re
import sys

from .profile import AiPeak, BadProfile, Cpu, DeviceProfile, Gpu, KnownBad, Memory, PowerMode, Software
from .table import Table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

MAX_CLOCK_HZ = 10e9
MAX_CORES = 1024
MAX_CUDA_CORES = 100_000
MIN_MEMORY_BYTES, MAX_MEMORY_BYTES = 2**20, 2**44
MIN_BANDWIDTH, MAX_BANDWIDTH = 1e6, 1e14
MIN_FLOPS, MAX_FLOPS = 1e6, 1e18


def parse(text: str, where: str) -> DeviceProfile:
    """Return the profile in ``text``, a TOML document; `BadProfile` names ``where`` and the field."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # no TOML, a number of 5,000 digits, tables in tables
        raise BadProfile(f"{where}: not TOML: {error}") from error
    sources = _sources(data, where)
    top = Table(data, where, sources=frozenset(sources))
    if top.count("schema", 1, 2**31) != 1:
        top.fail("schema", "is of a later cdedge; this one reads schema 1")
    top.table("sources")
    profile = DeviceProfile(
        id=top.text("id"),
        name=top.text("name"),
        family=top.text("family"),
        notes=top.text("notes"),
        sources=sources,
        memory=_memory(top.table("memory")),
        cpu=_cpu(top.table("cpu")),
        gpu=_gpu(top.table("gpu")) if top.has("gpu") else None,
        ai_peak=_ai_peak(top.table("ai_peak")) if top.has("ai_peak") else None,
        power_modes=tuple(_power_mode(row) for row in top.tables("power_modes")),
        default_power_mode=top.text("default_power_mode"),
        software=tuple(_software(row) for row in top.tables("software")),
        known_bad=tuple(_known_bad(row) for row in top.tables("known_bad")),
    )
    top.done()
    _check(profile, top)
    return profile


def _sources(data: dict[str, object], where: str) -> dict[str, str]:
    table = Table(data, where).table("sources")
    titles = data["sources"]
    if not isinstance(titles, dict) or not titles:
        table.fail("source", "[sources] is empty; every fact needs one")
    return {key: table.text(key) for key in titles}


def _memory(table: Table) -> Memory:
    memory = Memory(
        variants_bytes=table.counts_fact("variants_bytes", MIN_MEMORY_BYTES, MAX_MEMORY_BYTES),
        shared_with_gpu=table.flag_fact("shared_with_gpu"),
        bandwidth_bytes_per_s=table.number_fact("bandwidth_bytes_per_s", MIN_BANDWIDTH, MAX_BANDWIDTH)
        if table.has("bandwidth_bytes_per_s")
        else None,
    )
    table.done()
    return memory


def _cpu(table: Table) -> Cpu:
    cpu = Cpu(
        name=table.text_fact("name"),
        architecture=table.text_fact("architecture"),
        cores=table.count_fact("cores", 1, MAX_CORES),
        max_clock_hz=table.number_fact("max_clock_hz", 1e6, MAX_CLOCK_HZ),
        fp32_flops_per_cycle=table.count_fact("fp32_flops_per_cycle", 1, 1024)
        if table.has("fp32_flops_per_cycle")
        else None,
    )
    table.done()
    return cpu


def _gpu(table: Table) -> Gpu:
    gpu = Gpu(
        name=table.text_fact("name"),
        cuda_cores=table.count_fact("cuda_cores", 1, MAX_CUDA_CORES),
        max_clock_hz=table.number_fact("max_clock_hz", 1e6, MAX_CLOCK_HZ),
        compute_capability=table.text_fact("compute_capability") if table.has("compute_capability") else None,
        fp32_flops=table.number_fact("fp32_flops", MIN_FLOPS, MAX_FLOPS) if table.has("fp32_flops") else None,
        fp16_flops=table.number_fact("fp16_flops", MIN_FLOPS, MAX_FLOPS) if table.has("fp16_flops") else None,
    )
    table.done()
    return gpu


def _ai_peak(table: Table) -> AiPeak:
    peak = AiPeak(
        int8_dense=table.number_fact("int8_dense", MIN_FLOPS, MAX_FLOPS) if table.has("int8_dense") else None,
        int8_sparse=table.number_fact("int8_sparse", MIN_FLOPS, MAX_FLOPS) if table.has("int8_sparse") else None,
    )
    table.done()
    return peak


def _power_mode(table: Table) -> PowerMode:
    mode = PowerMode(
        name=table.text("name"),
        source=table.source(),
        cores=table.count("cores", 1, MAX_CORES),
        cpu_clock_hz=table.number("cpu_clock_hz", 1e6, MAX_CLOCK_HZ),
        nvpmodel_id=table.count("nvpmodel_id", 0, 1000) if table.has("nvpmodel_id") else None,
        budget_w=table.optional_number("budget_w", 0.1, 10_000),
        gpu_clock_hz=table.optional_number("gpu_clock_hz", 1e6, MAX_CLOCK_HZ),
        bandwidth_bytes_per_s=table.optional_number("bandwidth_bytes_per_s", MIN_BANDWIDTH, MAX_BANDWIDTH),
        derived=table.optional_text("derived"),
    )
    table.done()
    return mode


def _software(table: Table) -> Software:
    software = Software(
        system=table.text("system"),
        python=table.text("python"),
        provider=table.text("provider"),
        works=table.flag("works"),
        install=table.text("install"),
        source=table.source(),
        onnxruntime=table.optional_text("onnxruntime"),
        python_version=table.optional_text("python_version"),
        glibc=table.optional_text("glibc"),
    )
    for name, value in (("python_version", software.python_version), ("glibc", software.glibc)):
        if value is not None and not re.fullmatch(r"\d+\.\d+", value):
            table.fail(name, f"expected two numbers like 3.11, got {value!r}")
    if software.provider not in ("cpu", "cuda", "tensorrt"):
        table.fail("provider", f"expected cpu, cuda or tensorrt, got {software.provider!r}")
    table.done()
    return software


def _known_bad(table: Table) -> KnownBad:
    bad = KnownBad(table.text("package"), table.text("version"), table.text("reason"), table.source())
    table.done()
    return bad


def _check(profile: DeviceProfile, top: Table) -> None:
    modes = [mode.name for mode in profile.power_modes]
    if len(set(modes)) != len(modes):
        top.fail("power_modes", f"two modes have the same name: {', '.join(modes)}")
    if profile.default_power_mode not in modes:
        top.fail("default_power_mode", f"{profile.default_power_mode!r} is not one of power_modes: {modes}")
    if not profile.software:
        top.fail("software", "is missing; say what runs there, or that nothing does")
    for i, mode in enumerate(profile.power_modes):
        if mode.cores > profile.cpu.cores.value:
            top.fail(f"power_modes[{i}].cores", f"{mode.cores} of {profile.cpu.cores.value} cores")
        if mode.cpu_clock_hz > profile.cpu.max_clock_hz.value:
            top.fail(f"power_modes[{i}].cpu_clock_hz", "is above cpu.max_clock_hz")
