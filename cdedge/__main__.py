"""The entry point: run a command, turn an error into one line (with --json, also into the answer) and its exit code."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

from cdedge_runtime.blas import check_address_space, limit_blas
from cdedge_runtime.errors import BadEnvironment, CdedgeError, MissingExtra, Usage, exhausted
from cdedge_runtime.plain import plain

from .answer import begin, emit_error
from .clock import begin_clock
from .spelling import refuse_loose_numbers, spelled

_STOPPED = 130
_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_AGAIN_S = 0.05
_OF_STDOUT = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT)  # files are told by their writers
_STDOUT_BY_NAME = ("/dev/stdout", "/fd/1")  # whoever gives it as a file has it opened by that name
_EXTRA_OF = {
    "cv2": "cpu",
    "onnxruntime": "cpu",
    "torch": "export",
    "torchvision": "export",
    "onnx": "onnx",
    "safetensors": "export",
    "scipy": "export",
    "distributed": "cluster",
    "vot": "vot",
    "trax": "vot",
}


def main() -> None:
    """Run the command line; exit codes: 0 ok, 1 data or model, 2 usage, 3 environment, 4 over budget, 130 stopped."""
    limit_blas(os.environ)
    begin()
    begin_clock()
    as_json = "--json" in sys.argv
    try:
        _ready_streams()
        check_address_space()
        refuse_loose_numbers(sys.argv)
        with _ended_by_signals():
            code = _run()
        if code == _STOPPED:  # typer has caught Ctrl-C, and says nothing
            _tell("Stopped", "stopped", _STOPPED, as_json=as_json)
        sys.stdout.flush()
    except CdedgeError as error:
        code = _tell_error(error, as_json=as_json)
    except ImportError as error:
        code = _tell_error(_unloaded(error), as_json=as_json)
    except KeyboardInterrupt:
        code = _tell("Stopped", "stopped", _STOPPED, as_json=as_json)
    except BrokenPipeError:
        _close_stdout()  # the reader went away (as in "| head")
        code = 0
    except OSError as error:
        if error.filename is None and error.errno in _OF_STDOUT:
            _close_stdout()
            code = _tell_error(BadEnvironment(f"standard output: {error.strerror}"), as_json=False)
        else:
            gone = isinstance(error, FileNotFoundError) and error.filename is None  # as `os.getcwd` says it
            said = "the folder that this was started in is gone: change to another" if gone else str(error)
            code = _tell_error(BadEnvironment(said), as_json=as_json)
    except Exception as error:
        known = exhausted(f"{type(error).__name__} {error}")
        if known is None:
            raise
        code = _tell(type(known).__name__, str(known), known.exit_code, as_json=as_json)
    sys.exit(code)


def _run() -> int:
    """Run the command; its exit code. What typer says of wrong usage is raised as `Usage`; of no command, the help."""
    from .app import app, click_error

    try:
        return int(app(prog_name="cdedge", standalone_mode=len(sys.argv) == 1) or 0)
    except SystemExit as left:
        if isinstance(left.__context__, BrokenPipeError):  # rich's way to leave where the reader has gone
            raise left.__context__ from left
        return left.code if isinstance(left.code, int) else int(bool(left.code))
    except click_error as error:
        where = getattr(error.ctx, "command_path", "cdedge")
        raise Usage(f"{error.format_message().rstrip('.')}; see '{where} --help'") from error


def _ready_streams() -> None:
    """Any name can be said on any terminal; nothing that we open takes the place of a closed standard stream."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 - open to the end
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - open to the end
        raise BadEnvironment("standard output is closed; redirect it to /dev/null where nothing of it is wanted")
    usual = sys.__stderr__
    if usual is not None and usual is sys.stderr:  # tests have one of their own
        sys.stderr = _Talk(open(usual.fileno(), "wb", closefd=False), encoding=usual.encoding, line_buffering=True)  # noqa: SIM115 - to the end
    ours = sys.__stdout__
    if ours is not None and ours is sys.stdout and not any(word.endswith(_STDOUT_BY_NAME) for word in sys.argv):
        sys.stdout = _kept(ours)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _kept(stdout: TextIO) -> TextIO:
    """Standard output for our result alone: what libraries print there from C, as OpenCV its log, is talk."""
    ours = open(os.dup(stdout.fileno()), "w", encoding=stdout.encoding)  # noqa: PTH123, SIM115 - open to the end
    os.dup2(sys.stderr.fileno(), stdout.fileno())
    return ours


class _Talk(io.TextIOWrapper):
    """Standard error. Work goes on where nobody can be told of it: its log's disk is full, or its reader has gone.

    The bytes are written in C below it: a Ctrl-C between a write and its count would have them written again.
    """

    def write(self, text: str, /) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end a command as Ctrl-C does, unless they are ignored (as by nohup).

    None of them in the middle of an import: libraries take the exception for a fault of their own there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        if not _importing(frame):
            raise KeyboardInterrupt
        later = threading.Timer(_AGAIN_S, os.kill, (os.getpid(), number))
        later.daemon = True
        later.start()

    usual = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.getsignal(number) for number in _ENDING if signal.getsignal(number) in usual}
    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _unloaded(error: ImportError) -> CdedgeError:
    """What to say of a package that is not there, or does not load; raises the error again where it is our own."""
    name = (error.name or "").partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and name in _EXTRA_OF:
        return MissingExtra(f"{name} is not installed", _EXTRA_OF[name])
    if error.path is None or error.path.endswith(".py"):
        raise error
    return BadEnvironment(f"{error.name} cannot be loaded ({error}): 'cdedge doctor' says more")


def _tell_error(error: CdedgeError, *, as_json: bool) -> int:
    return _tell(type(error).__name__, spelled(error), error.exit_code, field=error.field, as_json=as_json)


def _tell(kind: str, text: str, code: int, *, field: str | None = None, as_json: bool) -> int:
    sys.stderr.write(f"cdedge: {plain(text)}\n")
    try:
        if as_json:
            emit_error(kind, plain(text), exit_code=code, field=field)
        sys.stdout.flush()
    except OSError:
        _close_stdout()  # the error that was told on stderr is the one to leave with
    return code


def _close_stdout() -> None:
    """Keep Python from complaining when it flushes stdout at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
