"""``cdedge inspect``: what is in an exported file."""

from __future__ import annotations

from cdedge.answer import emit_json
from cdedge.options import JsonOption, ModelArgument
from cdedge.show.render import show_facts, show_table, whats_next
from cdedge_runtime.model.contract import ModelSpec


def inspect(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Show what is in an exported file, after checking that it is whole."""
    from cdedge.show.model_facts import model_facts, shown_taps
    from cdedge_runtime.model.session import read_spec

    spec = read_spec(model)
    if as_json:
        emit_json("cdedge.inspect/1", {"model": str(model), "bytes": model.stat().st_size, **_as_dict(spec)})
        return
    show_facts(f"{model}", model_facts(spec, model))
    show_table(
        "channels kept",
        ["layer", "kept", "of", "share"],
        [(t.name, str(len(t.kept)), str(t.total), f"{len(t.kept) / t.total:.0%}") for t in shown_taps(spec)],
    )
    whats_next("bench", model)


def _as_dict(spec: ModelSpec) -> dict[str, object]:
    from cdedge_runtime.record import encode

    return {"channels": spec.channels, "layers": spec.layers, **encode(spec)}
