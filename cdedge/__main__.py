"""The entry point: run a command, turn an error into one line and its exit code."""

from __future__ import annotations

import os
import sys

from cdedge.spelling import spelled
from cdedge_runtime.errors import BadEnvironment, CdedgeError, MissingExtra
from cdedge_runtime.measure.child import limit_blas
from cdedge_runtime.plain import plain

_STOPPED = 130
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
    try:
        _run()
    except CdedgeError as error:
        _leave(spelled(error), error.exit_code)
    except ImportError as error:
        _leave(str(_unloaded(error)), BadEnvironment.exit_code)
    except KeyboardInterrupt:
        _leave("stopped", _STOPPED)
    except SystemExit as left:
        if left.code == _STOPPED:  # typer has caught Ctrl-C, and says nothing
            _leave("stopped", _STOPPED)
        raise
    except BrokenPipeError:
        # The reader went away (as in "| head"); keep Python from complaining when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run() -> None:
    if sys.argv[1:2] == ["doctor"]:
        from .commands.doctor import alone as app
    else:
        from .app import app
    app()


def _unloaded(error: ImportError) -> CdedgeError:
    """What to say of a package that is not there, or does not load; raises the error again where it is our own."""
    name = (error.name or "").partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and name in _EXTRA_OF:
        return MissingExtra(f"{name} is not installed", _EXTRA_OF[name])
    if error.path is None or error.path.endswith(".py"):
        raise error
    return BadEnvironment(f"{error.name} cannot be loaded ({error}): 'cdedge doctor' says more")


def _leave(text: str, code: int) -> None:
    sys.stderr.write(f"cdedge: {plain(text)}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
