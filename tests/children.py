"""Faults planted in the processes that measure."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest


def start_with(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every measuring process run ``code`` before anything else."""
    folder.mkdir(exist_ok=True)
    body = textwrap.indent(textwrap.dedent(code), "    ")
    (folder / "sitecustomize.py").write_text(f"import sys\nif '-m' in sys.orig_argv:\n{body}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
