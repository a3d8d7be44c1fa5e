"""The contract in a file's metadata: written, read and sealed.

`contract.ModelSpec` stands in ``metadata_props`` under ``cdedge.*`` keys, one JSON value per field.
``cdedge.sha256`` is the SHA-256 of the whole file with these 64 digits set to zero.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdedge_runtime.errors import BadModel, Usage
from cdedge_runtime.kinds import find_kind
from cdedge_runtime.record import decode, encode, from_json

from .contract import FORMAT_VERSION, ModelSpec, check_spec
from .graph import mapped

PREFIX = "cdedge."
UNSEALED = "0" * 64

_SEAL = re.compile(rb"cdedge\.sha256\x12\x40([0-9a-f]{64})")  # a protobuf map entry: key, then a 64-byte value
_ADDED: dict[str, Any] = {"reconstructed": False, "precision": "fp32"}  # what files from before these fields meant
_REQUIRED = {f"{PREFIX}format_version", f"{PREFIX}sha256", f"{PREFIX}tracker"}


def to_metadata(spec: ModelSpec) -> dict[str, str]:
    """``metadata_props`` of ``spec``, not yet sealed (see `seal`)."""
    fields = encode(spec, brief=True)
    values = {f"{PREFIX}{name}": json.dumps(value) for name, value in fields.items()}
    return {**values, f"{PREFIX}sha256": UNSEALED}


def from_metadata(metadata: Mapping[str, str]) -> ModelSpec:
    """Read a `ModelSpec` back; raises `BadModel` for a foreign file, a later format or a damaged contract."""
    if not set(metadata) >= _REQUIRED:
        raise BadModel("not a cdedge model: it has no cdedge.* metadata", field="model")
    fields = {k[len(PREFIX) :]: v for k, v in metadata.items() if k.startswith(PREFIX)}
    del fields["sha256"]
    try:
        values = {**_ADDED, **{name: from_json(text) for name, text in fields.items()}}
    except ValueError as error:
        raise BadModel(f"the model's contract is damaged: {error}") from error
    version = values["format_version"]
    if version != FORMAT_VERSION:
        raise BadModel(
            f"the model has format version {version}, this cdedge reads {FORMAT_VERSION}: "
            "export it again, or install the cdedge that made it"
        )
    try:
        kind = find_kind(values["tracker"])
        spec = decode(ModelSpec, values, narrowed={"settings": kind.settings})
    except Usage as error:
        raise BadModel(f"the model cannot be tracked with: {error}") from error
    except ValueError as error:
        raise BadModel(f"the model's contract is damaged: {error}") from error
    check_spec(spec)
    return spec


def seal(data: bytes) -> bytes:
    """Set the file's own SHA-256 in the bytes of an unsealed model."""
    found = _find_seal(data)
    digest = hashlib.sha256(data).hexdigest().encode()
    return data[: found.start(1)] + digest + data[found.end(1) :]


def verify(path: Path) -> None:
    """Raise `BadModel` unless the file's bytes are the ones that were sealed."""
    data = mapped(path)
    try:
        found = _find_seal(data)
        start, end, expected = found.start(1), found.end(1), found.group(1)
        digest = hashlib.sha256(data[:start])
        digest.update(UNSEALED.encode())
        digest.update(data[end:])
    except BadModel as error:
        raise BadModel(f"{path}: {error}") from error
    if digest.hexdigest().encode() != expected:
        raise BadModel(f"{path}: altered or damaged since export (its checksum does not match); export it again")


def _find_seal(data: Any) -> re.Match[bytes]:
    found = None
    for found in _SEAL.finditer(data):  # noqa: B007 - the last one: a weight could look like a seal
        pass
    if found is None:
        raise BadModel("not a cdedge model, or cut short: it has no cdedge.* metadata", field="model")
    return found
