"""Finds device profiles: shipped with cdedge, or given as a file."""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path

from .parse import parse
from .profile import BadProfile, DeviceProfile


def names() -> tuple[str, ...]:
    """Return the names of the shipped profiles, sorted."""
    files = (resources.files(__package__) / "profiles").iterdir()
    return tuple(sorted(file.name[: -len(".toml")] for file in files if file.name.endswith(".toml")))


def load(name_or_path: str | Path) -> DeviceProfile:
    """Read a shipped profile by its name, or any profile by the path of its ``.toml`` file.

    Raises
    ------
    BadProfile
        The name is unknown (the text suggests the nearest), the file cannot be read, or a field is missing,
        unknown or out of range (the text names the file and the field).
    """
    if str(name_or_path).endswith(".toml"):
        path = Path(name_or_path)
        return parse(_read(path), path.name)
    name = str(name_or_path)
    if name not in names():
        raise BadProfile(_unknown(name))
    text = (resources.files(__package__) / "profiles" / f"{name}.toml").read_text(encoding="utf-8")
    return parse(text, f"{name}.toml")


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), names(), n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"no device profile {name!r}: {hint}choose {', '.join(names())}, or give a .toml file"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadProfile(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadProfile(f"{path}: a profile is UTF-8 text, this is not") from error
