"""Opens a text-to-audio backend by name: each is one file of `text_to_audio/`, or of another distribution."""

from __future__ import annotations

from pathlib import Path

from leitmotif.generators.text_to_audio.text_to_audio import TextToAudio
from leitmotif.storage.errors import UserError
from leitmotif.weights.adapters import GENERATE, adapters, constants_of, make_adapter, own_settings
from leitmotif.weights.device import resolve_device
from leitmotif.weights.published import PINNED


def descriptions() -> dict[str, str]:
    """Return what each backend is best at, in a line, by its name; nothing heavy is imported."""
    return {name: str(constants_of(module).get("BEST_AT", "")) for name, module in adapters(GENERATE).items()}


def facts_of(name: str, model: str | None = None, revision: str | None = None) -> dict[str, str]:
    """Return what a record says of what makes a sound: backend, model, revision and licence.

    Args:
        name: One of `descriptions()`.
        model: Another model than its own.
        revision: Revision of a hub id.
    """
    stated = constants_of(adapters(GENERATE)[name])
    chosen = model or str(stated["MODEL_ID"])
    pin = PINNED.get(chosen) or (str(stated["REVISION"]) if model is None else "main")
    if Path(chosen).expanduser().is_dir():
        pin = "a folder"
    licence = str(stated["LICENSE"]) if model in (None, stated["MODEL_ID"]) else "see its page"
    return {"backend": name, "model": chosen, "revision": revision or pin, "licence": licence}


def open_generator(
    name: str, *, model: str | None = None, revision: str | None = None, device: str = "cpu"
) -> TextToAudio:
    """Return a backend, loaded.

    Args:
        name: One of `descriptions()`.
        model: A hub id or a local folder in the format of its published model; by default that model.
        revision: Revision of a hub id; by default the pinned one.
        device: "cpu", "cuda", "cuda:1" … or "auto".

    Raises:
        UserError: There is no such backend, its package is not installed, its weights cannot be had or are of
            another kind, or it has no model to choose.
    """
    known = descriptions()
    if name not in known:
        raise UserError(f"got backend {name!r}; expected one of {', '.join(known)}")
    asked = {"model": model, "revision": revision}
    own = own_settings(GENERATE, name)
    if strange := [key for key, value in asked.items() if value is not None and key not in own]:
        raise UserError(f"got a {strange[0]} for {name}, which has none to choose; leave it out")
    try:
        made = make_adapter(GENERATE, name, asked)
    except LookupError as error:
        raise UserError(str(error)) from error
    loaded: TextToAudio = made.load(resolve_device(device))
    return loaded
