"""What a device's wheels have to fit: Python, architecture and C library, as its profile states them."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.metadata import metadata

from cdedge_devices import BadProfile, DeviceProfile, Software, load
from cdedge_runtime.errors import Usage

# The oldest C library that the manylinux tags of an architecture begin with, and their names from before PEP 600.
_OLDEST = {"x86_64": 5, "aarch64": 17}
_OLD_NAMES = {(5, "x86_64"): "manylinux1", (12, "x86_64"): "manylinux2010", (17, ""): "manylinux2014"}


@dataclass(frozen=True)
class Board:
    """A device that a bundle is made for.

    ``python``: like 3.11. ``glibc_minor``: 36 of 2.36. ``banned``: requirements that keep known bad releases away.
    """

    name: str
    system: str
    architecture: str
    python: str
    glibc_minor: int
    banned: tuple[str, ...]

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags that its wheels may have, newest C library first (PEP 600)."""
        tags = []
        for minor in range(self.glibc_minor, _OLDEST[self.architecture] - 1, -1):
            tags.append(f"manylinux_2_{minor}_{self.architecture}")
            old = _OLD_NAMES.get((minor, self.architecture)) or _OLD_NAMES.get((minor, ""))
            tags += [f"{old}_{self.architecture}"] * (old is not None)
        return (*tags, f"linux_{self.architecture}")


def board_of(name: str, python: str | None = None) -> Board:
    """The board of a device profile's name or file; ``python`` instead of the system's own. Raises `Usage`."""
    try:
        profile = load(name)
    except BadProfile as error:
        raise Usage(f"--for: {error}") from error
    architecture, software = profile.cpu.architecture.value, _runs(profile)
    if software is None or software.glibc is None or architecture not in _OLDEST:
        raise Usage(f"--for {name}: its profile names no system with a C library whose wheels are known")
    version = python or software.python_version or ".".join(map(str, sys.version_info[:2]))
    _check_python(version)
    banned = tuple(f"{bad.package}!={bad.version}" for bad in profile.known_bad)
    # What stands in brackets, such as Debian's release, is of the system's own Python.
    is_own = software.python_version in (None, version)
    system = software.system if is_own else software.system.partition(" (")[0]
    return Board(profile.id, system, architecture, version, int(software.glibc.split(".")[1]), banned)


def _check_python(version: str) -> None:
    oldest = metadata("cdedge")["Requires-Python"].removeprefix(">=")
    if not re.fullmatch(r"3\.\d{1,3}", version):
        raise Usage(f"--python {version}: expected a version like 3.11")
    if int(version.split(".")[1]) < int(oldest.split(".")[1]):
        raise Usage(f"--python {version}: cdedge runs on Python {oldest} and newer: install one beside its own")


def _runs(profile: DeviceProfile) -> Software | None:
    """The first system of a profile on which cdedge runs on the CPU."""
    return next((each for each in profile.software if each.works and each.provider == "cpu"), None)
