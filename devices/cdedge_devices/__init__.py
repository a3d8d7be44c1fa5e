"""Profiles of small devices: what a vendor states about memory, compute, software, and where it is stated."""

from .load import load, names
from .profile import (
    HOW_TO_INSTALL,
    AiPeak,
    BadProfile,
    Cpu,
    DeviceProfile,
    Fact,
    Gpu,
    KnownBad,
    Memory,
    PowerMode,
    Software,
)

__all__ = [
    "HOW_TO_INSTALL",
    "AiPeak",
    "BadProfile",
    "Cpu",
    "DeviceProfile",
    "Fact",
    "Gpu",
    "KnownBad",
    "Memory",
    "PowerMode",
    "Software",
    "load",
    "names",
]
