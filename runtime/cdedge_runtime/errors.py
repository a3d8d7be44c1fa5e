"""The errors of cdedge, one tree; each carries the exit code the command line answers with.

CdedgeError                 1
├── BadInput                1   a frame source, an annotation or a box that cannot be used
├── BadModel                1   a file that is not a cdedge model, or is damaged
├── NotInitialized          1   update() before init()
├── Usage                   2   options that do not fit together
│   └── BadValue            2   a setting out of its range
├── BadEnvironment          3   this machine lacks something
│   ├── MissingExtra        3   a package that an extra installs
│   └── ProviderUnavailable 3   an execution provider that is not here
└── OverBudget              4   nothing fits the given memory or rate
"""

from __future__ import annotations

from typing import Any


class CdedgeError(Exception):
    """Base of every error cdedge raises on purpose; its text says what was expected, what came, what to do.

    ``field``: the argument, option or setting that has to change, where there is one; None otherwise.
    """

    exit_code = 1

    def __init__(self, text: str, *, field: str | None = None) -> None:
        super().__init__(text)
        self.field = field

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, self.__dict__)


class BadInput(CdedgeError):
    """A frame source, an annotation or a box that cannot be used."""


class BadModel(CdedgeError):
    """A file that is not a cdedge model, is damaged, or is of a later format."""


class NotInitialized(CdedgeError):
    """``update`` was called before ``init``."""

    def __init__(self) -> None:
        super().__init__("the tracker has no target yet: call init(frame, box) before update(frame)")


class Usage(CdedgeError):
    """Options that do not fit together."""

    exit_code = 2


class BadValue(Usage, ValueError):
    """A setting of another type, or out of its range; ``field`` is its name."""


class BadEnvironment(CdedgeError):
    """This machine lacks something that the request needs."""

    exit_code = 3


def install_words(extra: str) -> str:
    """How one of cdedge's extras is installed; cdedge is on no package index."""
    return f"pip install -e '.[{extra}]' in cdedge's clone, or pip install 'WHEEL[{extra}]' with the path of its wheel"


class MissingExtra(BadEnvironment):
    """A package that one of cdedge's extras installs is not here."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what}: {install_words(extra)}")


class ProviderUnavailable(BadEnvironment):
    """The asked-for onnxruntime execution provider is not in this installation."""


class OverBudget(CdedgeError):
    """Nothing fits the given memory or frame rate."""

    exit_code = 4


_OUT_OF_MEMORY = (
    "MemoryError",
    "bad_alloc",
    "Insufficient memory",
    "Failed to allocate",
    "Memory allocation still failed",  # OpenBLAS, which then ends the process
    "Cannot allocate",
    "bfc_arena",  # onnxruntime, whose message is cut before it says why
    "error return without exception set",  # CPython, which has no memory for the exception, as
    "without setting an exception",
)
_OUT_OF_THREADS = "can't start new thread"  # CPython's words, for which it has no class


def memory_ran_out(text: str) -> bool:
    """Whether a library's message says that memory ran out."""
    return any(word in text for word in _OUT_OF_MEMORY)


def exhausted(text: str) -> BadEnvironment | None:
    """What to say of an error, given with its class, where memory or threads ran out; None where they did not."""
    if _OUT_OF_THREADS in text:
        return BadEnvironment("no further thread can be started: raise the limit of processes, or of memory")
    return BadEnvironment("there is not enough memory for this") if memory_ran_out(text) else None


def _again(kind: type[CdedgeError], args: tuple[Any, ...], state: dict[str, Any]) -> CdedgeError:
    """An error that was pickled, whatever its constructor takes."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error
