"""The entry point: run a command, turn an error into one line and its exit code."""

from __future__ import annotations

import os
import sys

from cdedge_runtime.child import limit_blas
from cdedge_runtime.errors import CdedgeError, MissingExtra

_EXTRA_OF = {
    "cv2": "cpu",
    "onnxruntime": "cpu",
    "torch": "export",
    "torchvision": "export",
    "onnx": "export",
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
        if sys.argv[1:2] == ["doctor"]:
            from .commands.doctor import alone as app
        else:
            from .app import app
        app()
    except CdedgeError as error:
        _leave(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name not in _EXTRA_OF:
            raise
        _leave(str(MissingExtra(f"{name} is not installed", _EXTRA_OF[name])), MissingExtra.exit_code)
    except KeyboardInterrupt:
        _leave("stopped", 130)
    except BrokenPipeError:
        # The reader went away (as in "| head"); keep Python from complaining when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave(text: str, code: int) -> None:
    sys.stderr.write(f"cdedge: {text}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
