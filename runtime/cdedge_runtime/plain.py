"""Text from outside (names, addresses) made fit to be shown and kept: no secrets, nothing that steers a terminal."""

from __future__ import annotations

import re

_USER_INFO = (
    re.compile(r"(://)[^\s/?#]*@"),
    re.compile(r"(://)[^\s/?#@]*:(?!\d*(?:[/?#\s]|$))\S*@"),  # a password with a slash in it, typed as it is
)
_PARAMETER = re.compile(
    r"((?:[?&;]|\b)(?:user|usr|username|user-id|login|pass|passwd|password|pwd|user-pw|proxy-id|proxy-pw|token|"
    r"access_token|key|api_key|apikey|auth|secret|sig|signature)=)(?:\"[^\"]*\"|[^&\s;!]+)",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """An address or pipeline without user names, passwords and tokens: ``rtsp://me:pw@cam/1`` is ``rtsp://cam/1``."""
    if "://" not in text and "!" not in text:
        return text
    for pattern in _USER_INFO:
        text = pattern.sub(r"\1", text)
    return _PARAMETER.sub(r"\1***", text)


def plain(text: str) -> str:
    r"""Text whose control characters, and bytes that are no UTF-8, are written out: ``\x1b``, ``\udcff``."""
    return "".join(c if c.isprintable() or c == "\n" else _written(c) for c in text)


def _written(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
