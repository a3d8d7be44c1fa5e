"""Reads what is stamped in an ONNX file without loading it, and without the onnx package, which a device lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_IR_VERSION, _OPSET_IMPORT, _METADATA = 1, 8, 14  # fields of onnx.ModelProto
_DOMAIN, _VERSION = 1, 2  # fields of onnx.OperatorSetIdProto
_KEY, _VALUE = 1, 2  # fields of onnx.StringStringEntryProto
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def ir_and_opset(path: Path) -> tuple[int | None, int | None]:
    """IR version and opset of the default domain; None where the file does not tell."""
    ir = opset = None
    try:
        for field, value in _fields(path.read_bytes()):
            if field == _IR_VERSION and isinstance(value, int):
                ir = value
            elif field == _OPSET_IMPORT and isinstance(value, bytes):
                found = dict(_fields(value))
                if found.get(_DOMAIN, b"") in (b"", b"ai.onnx") and isinstance(found.get(_VERSION), int):
                    opset = int(found[_VERSION])
    except (OSError, ValueError, IndexError):
        return None, None
    return ir, opset


def metadata(path: Path) -> dict[str, str]:
    """``metadata_props`` of the file; empty where it does not tell."""
    try:
        entries = [dict(_fields(v)) for f, v in _fields(path.read_bytes()) if f == _METADATA and isinstance(v, bytes)]
    except (OSError, ValueError, IndexError):
        return {}
    return {_text(entry.get(_KEY)): _text(entry.get(_VALUE)) for entry in entries}


def _text(value: int | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The (number, value) pairs of a protobuf message; raises `ValueError` or `IndexError` where it is none."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
        elif kind == _LENGTH:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("cut short")
            yield key >> 3, data[at : at + length]
            at += length
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {kind}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number without end")
