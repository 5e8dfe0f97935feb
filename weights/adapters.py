"""Adapters: the files that run a model, one a file, found by themselves and read without being imported.

A file in the room of its kind that exports a class under the kind's name is a backend; its own name, with
hyphens, is what the stage's setting `backend` says. An entry point of another distribution
(`leitmotif.backends`) leads to a module of the same shape. At its top an adapter states as plain values:

- MODEL_ID, REVISION, LICENSE, REFERENCE, and RATE_HZ: None for what reads no sound
- SETTINGS: the settings that its constructor takes, with their values where none is set
- PACKAGES beside the default ones, and the EXTRA that installs them
- COMMERCIAL: whether the licence permits commercial use: "yes", "no", or the condition
- READS, of what finds clips by sentences: the column of a clip that it embeds, "caption" or "audio";
  ASKED_BY, where it finds them by files as well: which kinds of "audio", "video" and "image"
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from leitmotif.extras import needs
from leitmotif.plugins import add_plugins

FACTS = ("MODEL_ID", "REVISION", "LICENSE", "RATE_HZ", "REFERENCE")


@dataclass(frozen=True)
class Kind:
    """What the adapters of one stage, or of one command, are.

    Attributes:
        stage: The stage that they serve, or the command.
        export: The name under which a file exports its class.
        room: Where ours lie, as imported.
        like: The protocol that the class keeps, as imported.
        methods: Methods that the protocol asks for.
        second: A name of the kind, where it is not the first of its stage.
    """

    stage: str
    export: str
    room: str
    like: str
    methods: tuple[str, ...]
    second: str = ""


_ENCODER = "leitmotif.encoders.encoder"
_WINDOWS = ("load", "embed_windows", "embed_texts")
_SCORES = ("load", "score_windows", "labels")
# The second kind of tagging: what hears music beside CLAP.
TAGGER = "tagger"
# What serves no stage, but the command of that name (`generate --backend`, `index --encoder`).
GENERATE = "generate"
INDEX = "index"
KINDS = {
    kind.second or kind.stage: kind
    for kind in (
        Kind(
            "separation",
            "SEPARATOR",
            "leitmotif.separation",
            "leitmotif.separation.separator.Separator",
            ("model", "load", "separate"),
        ),
        Kind("tagging", "AUDIO_ENCODER", "leitmotif.encoders", f"{_ENCODER}.AudioEncoder", _WINDOWS),
        Kind(
            "tagging",
            "MUSIC_TAGGER",
            "leitmotif.encoders",
            f"{_ENCODER}.AudioTagger",
            _SCORES,
            second=TAGGER,
        ),
        Kind(
            "vision",
            "IMAGE_ENCODER",
            "leitmotif.encoders",
            f"{_ENCODER}.ImageEncoder",
            ("load", "prepare_images", "embed_pixels"),
        ),
        Kind(
            "events",
            "AUDIO_TAGGER",
            "leitmotif.encoders",
            f"{_ENCODER}.AudioTagger",
            _SCORES,
        ),
        Kind(
            "overlay-text",
            "TEXT_DETECTOR",
            "leitmotif.encoders",
            f"{_ENCODER}.TextDetector",
            ("load", "find_lines"),
        ),
        Kind(
            INDEX,
            "SENTENCE_ENCODER",
            "leitmotif.encoders",
            f"{_ENCODER}.SentenceEncoder",
            ("load", "embed_texts"),
        ),
        Kind("quality", "QUALITY_ENCODER", "leitmotif.encoders", f"{_ENCODER}.AudioEncoder", _WINDOWS),
        Kind(
            "caption",
            "CAPTIONER",
            "leitmotif.captioning",
            "leitmotif.captioning.captioner.Captioner",
            ("model", "identity", "load", "caption"),
        ),
        Kind(
            GENERATE,
            "TEXT_TO_AUDIO",
            "leitmotif.generators.text_to_audio",
            "leitmotif.generators.text_to_audio.text_to_audio.TextToAudio",
            ("load", "steps", "generate"),
        ),
    )
}


def adapters(stage: str) -> dict[str, str]:
    """Return the adapters of a stage, or of a second kind of it, by name: their modules; ours first."""
    kind = KINDS[stage]

    def take(name: str, thing: Any) -> dict[str, str]:
        exports = [each.export for each in KINDS.values() if hasattr(thing, each.export)]
        if not isinstance(thing, ModuleType) or not exports:
            expected = ", ".join(each.export for each in KINDS.values())
            raise TypeError(f"got {type(thing).__name__}; expected a module with a class {expected}")
        if kind.export not in exports:
            return {}
        _check_shape(thing, kind)
        return {name: thing.__name__}

    return add_plugins("backends", _ours(kind), take)


@cache
def _ours(kind: Kind) -> Mapping[str, str]:
    """Return the files of a room that export the class of a kind; none is imported."""
    spec = find_spec(kind.room)
    places = spec.submodule_search_locations if spec and spec.submodule_search_locations else ()
    exported = re.compile(rf"^{kind.export}( =|:)", re.MULTILINE)
    return {
        path.stem.replace("_", "-"): f"{kind.room}.{path.stem}"
        for place in places
        for path in sorted(Path(place).glob("*.py"))
        if exported.search(path.read_text(encoding="utf-8"))
    }


def _check_shape(module: ModuleType, kind: Kind) -> None:
    made = getattr(module, kind.export)
    missing = [fact for fact in FACTS if not hasattr(module, fact) and fact != "RATE_HZ"]
    missing += [method for method in kind.methods if not hasattr(made, method)]
    if missing:
        raise TypeError(f"got {module.__name__} without {', '.join(missing)}; see {kind.like}")


def adapter_class(stage: str, name: str) -> Any:
    """Return the class of an adapter, imported with all that it needs.

    Raises:
        LookupError: There is no such adapter, or its package is not installed.
    """
    known = adapters(stage)
    if name not in known:
        raise LookupError(f"got {stage} backend {name!r}; expected one of {', '.join(sorted(known))}")
    try:
        module = import_module(known[name])
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        extra = str(constants_of(known[name]).get("EXTRA", "paper"))
        raise LookupError(needs(f"{stage} backend {name!r}", package, extra)) from error
    return getattr(module, KINDS[stage].export)


def own_settings(stage: str, name: str) -> Mapping[str, Any]:
    """Return the settings that an adapter takes, with their values where none is set."""
    stated = constants_of(adapters(stage)[name]).get("SETTINGS", {}) if name in adapters(stage) else {}
    return stated if isinstance(stated, dict) else {}


def make_adapter(stage: str, name: str, settings: Mapping[str, Any]) -> Any:
    """Return an adapter with those of a stage's settings that it takes, not loaded yet.

    Raises:
        LookupError: There is no such adapter, or its package is not installed.
        ValueError: A setting has a value that it does not take.
    """
    made = adapter_class(stage, name)
    own = own_settings(stage, name)
    return made(**{key: settings[key] for key in own if settings.get(key) is not None})


@cache
def constants_of(module: str) -> Mapping[str, Any]:
    """Return the constants at the top of a module, its own and imported ones, without importing anything.

    An adapter's imports are heavy, or missing on this machine, just when one asks what it needs.
    """
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return {}
    if spec is None or spec.origin is None:
        return {}
    constants: dict[str, Any] = {}
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [alias.name for alias in node.names if alias.name.isupper()]
            found = constants_of(node.module) if names else {}
            constants |= {name: found[name] for name in names if name in found}
            continue
        match node:
            case ast.Assign(targets=[ast.Name(id=name), *_], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        try:
            constants[name] = ast.literal_eval(value)
        except ValueError:
            continue
    return constants
