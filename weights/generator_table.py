"""The published models that make sounds of words: their files, sizes and licences."""

from __future__ import annotations

from leitmotif.weights.adapters import GENERATE
from leitmotif.weights.backend import Backend
from leitmotif.weights.files import HubRepo
from leitmotif.weights.published import PINNED

_ROOM = "leitmotif.generators.text_to_audio"

GENERATORS = (
    Backend(
        name="musicgen",
        stages=(GENERATE,),
        backend="musicgen",
        module=f"{_ROOM}.musicgen",
        commercial="no",
        weights=(
            HubRepo("facebook/musicgen-small", PINNED["facebook/musicgen-small"], size_bytes=2_364_000_000),
        ),
    ),
)
