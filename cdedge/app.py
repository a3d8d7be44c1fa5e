"""The command line: one thin command per file in ``commands/``, loaded when it is called."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cdedge_runtime.errors import Usage

_GROUPS = {
    "From a video to a file": ("export", "select", "layers", "plan", "inspect"),
    "On the device": ("track", "serve", "bundle"),
    "How fast and how large": ("bench", "report", "soak", "warm"),
    "How good": ("evaluate", "compare", "convert", "vot"),
    "Machines": ("devices", "doctor"),
}
_OLD = ("predict",)  # names that still work, and say what took their place
_GROUP_OF = {name: group for group, names in _GROUPS.items() for name in names}


def every_command() -> dict[str, Any]:
    """All commands by name, loaded: for pages and tests."""
    return {name: _command(name) for name in _GROUP_OF}


def _command(name: str) -> Any:
    alone = typer.Typer(add_completion=False)
    alone.command(name, rich_help_panel=_GROUP_OF.get(name))(getattr(import_module(f"cdedge.commands.{name}"), name))
    return typer.main.get_command(alone)


click_error: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


class _OnDemand(TyperGroup):
    """The commands by name; each brings libraries with it that the others do not need."""

    def list_commands(self, _ctx: Any) -> list[str]:
        return list(_GROUP_OF)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0] if args else ""
        if name.startswith("-") or name in (*_GROUP_OF, *_OLD):
            return super().resolve_command(ctx, args)
        raise Usage(f"{name or repr(name)} is no command: {_alike(name)}'cdedge --help' lists them")

    def get_command(self, _ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _GROUP_OF and cmd_name not in _OLD:
            return None
        found = _command(cmd_name)
        gc.freeze()  # what is loaded stays to the end: looking for garbage in it took a fifth of a short run's time
        return found


def _alike(name: str) -> str:
    from difflib import get_close_matches  # only where there is an error

    found = get_close_matches(name, _GROUP_OF)
    return f"did you mean {' or '.join(found)}? " if found else ""


app = typer.Typer(
    cls=_OnDemand,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Distil a deep tracker to the channels one target needs, export it as one ONNX file, run it on a device.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        from cdedge import __version__

        typer.echo(f"cdedge {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
