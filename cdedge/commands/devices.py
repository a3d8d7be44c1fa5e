"""``cdedge devices``: the device profiles."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Annotated

import typer

from cdedge.answer import emit_json
from cdedge.options import JsonOption
from cdedge.show.render import show_facts, show_table, whats_next
from cdedge_devices import HOW_TO_INSTALL, BadProfile, DeviceProfile, Fact, Software, load, names
from cdedge_runtime.errors import Usage


def devices(
    name: Annotated[
        str | None, typer.Argument(help="One profile, or a TOML file; without it: all.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is known of the devices cdedge is made for, each fact with its source."""
    try:
        profiles = [load(name)] if name else [load(each) for each in names()]
    except BadProfile as error:
        raise Usage(str(error)) from error
    if as_json:
        emit_json("cdedge.devices/1", {"install": HOW_TO_INSTALL, "devices": [dataclasses.asdict(p) for p in profiles]})
        return
    if name is None:
        show_table(
            "device profiles (predicted where cdedge uses them; nothing here was measured by us)",
            _COLUMNS,
            [_row(p) for p in profiles],
        )
        whats_next("devices", profiles[0].id)
    else:
        _show_one(profiles[0])
        whats_next("plan", "--device", name, "--max-memory", "30MB", "-o", "best.onnx")


_COLUMNS = ["id", "memory", "CPU", "GPU", "onnxruntime runs on"]


def _row(profile: DeviceProfile) -> tuple[str, ...]:
    cpu, gpu = profile.cpu, profile.gpu
    memory = _boards_memory(profile.memory.variants_bytes.value, "/")
    providers = sorted({s.provider for s in profile.software if s.works})
    return (
        profile.id,
        memory,
        f"{cpu.cores.value} x {cpu.name.value} {cpu.max_clock_hz.value / 1e9:.2f} GHz",
        "-" if gpu is None else f"{gpu.cuda_cores.value} CUDA cores",
        ", ".join(providers),
    )


def _show_one(profile: DeviceProfile) -> None:
    show_facts(profile.name, [("notes", profile.notes), *_facts("", profile, profile.sources)])
    show_table(
        "power modes",
        ["mode", "cores", "CPU GHz", "GPU MHz", "watt"],
        [
            (m.name, str(m.cores), f"{m.cpu_clock_hz / 1e9:.2f}", _scaled(m.gpu_clock_hz, 1e6), _scaled(m.budget_w, 1))
            for m in profile.power_modes
        ],
    )
    show_facts(
        "software",
        [
            ("install", HOW_TO_INSTALL),
            *((f"{s.system}, Python {s.python}", _works(s)) for s in profile.software),
        ],
    )


def _works(software: Software) -> str:
    return f"{software.provider}: {'works' if software.works else 'does not work'}; {software.install}"


def _facts(prefix: str, record: object, sources: dict[str, str]) -> list[tuple[str, str]]:
    """Every fact below ``record``, by its dotted name, with the title of its source."""
    found = []
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if isinstance(value, Fact):
            derived = f", derived: {value.derived}" if value.derived else ""
            said = f"{_said(field.name, value.value)}  ({sources[value.source]}{derived})"
            found.append((f"{prefix}{field.name}", said))
        elif dataclasses.is_dataclass(value):
            found += _facts(f"{prefix}{field.name}.", value, sources)
    return found


def _said(name: str, value: object) -> str:
    """A fact's value for people, by the unit that ends its name."""
    if isinstance(value, tuple):
        return _boards_memory(value, " or ")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    unit, per = next((unit for end, unit in _UNITS.items() if name.endswith(end)), ("", 1))
    return f"{value / per:.4g} {unit}".rstrip()


_UNITS = {
    "_bytes_per_s": ("GB/s", 1e9),
    "_hz": ("GHz", 1e9),
    "_flops": ("GFLOPS", 1e9),
    "int8_dense": ("TOPS", 1e12),
    "int8_sparse": ("TOPS", 1e12),
}


def _boards_memory(variants_bytes: Iterable[int], between: str) -> str:
    """As it is sold: 4 GiB, for what vendors call 4 GB."""
    return f"{between.join(f'{each / _GIB:g}' for each in variants_bytes)} GiB"


_GIB = 1 << 30


def _scaled(value: float | None, unit: float) -> str:
    return "-" if value is None else f"{value / unit:g}"
