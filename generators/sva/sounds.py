"""Makes the sounds of a scheme by text-to-audio backends, and discards effects that are nothing but noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leitmotif.generators.backends import open_generator
from leitmotif.generators.generator import Generator, Request
from leitmotif.generators.mixing.gate import THRESHOLD, mean_rms
from leitmotif.generators.sva.record import SoundFacts, SoundRole
from leitmotif.generators.sva.scheme import Scheme
from leitmotif.storage.errors import UserError, one_line
from leitmotif.training.loader.decode import Audio
from leitmotif.weights.adapters import GENERATE, adapters, constants_of

# More is not held in memory: a longer film hears its sounds again.
MOST_S, LEAST_S = 600.0, 0.5


@dataclass(frozen=True)
class Voice:
    """What makes sounds of one kind.

    Attributes:
        backend: Its name.
        model: Hub id or folder of another model than its own.
    """

    backend: str
    model: str | None = None

    @classmethod
    def of(cls, text: str) -> Voice:
        """Return what NAME or NAME=MODEL says."""
        name, _, model = text.partition("=")
        return cls(name.strip(), model.strip() or None)


Open = Callable[..., Any]
"""Opens a backend as `leitmotif.generators.backends.open_generator` does."""


def planned(scheme: Scheme, effects: Voice, music: Voice, seed: int) -> tuple[SoundFacts, ...]:
    """Return the sounds that a scheme asks for, none of them made; each has a seed of its own."""
    asked: list[tuple[SoundRole, str, Voice]] = [("effect", prompt, effects) for prompt in scheme.effects]
    asked.append(("music", scheme.music, music))
    return tuple(
        SoundFacts(role=role, prompt=prompt, backend=voice.backend, model=voice.model, seed=seed + number)
        for number, (role, prompt, voice) in enumerate(asked)
    )


def make_sounds(
    sounds: Sequence[SoundFacts],
    length_s: float,
    *,
    device: str = "cpu",
    opens: Open = open_generator,
    on_sound: Callable[[int], None] = lambda done: None,
) -> list[tuple[SoundFacts, Audio | None]]:
    """Return the sounds with what is to be known of them; None of those that are not in the mix.

    One backend is loaded at a time. An effect that its backend cannot make is left out with the reason;
    music must be made.

    Args:
        sounds: What is asked for.
        length_s: Length of the film.
        device: Where models run.
        opens: Opens a backend.
        on_sound: Called after each sound with how many are done.

    Raises:
        UserError: A backend cannot be used, or cannot make the music.
    """
    made: list[tuple[SoundFacts, Audio | None]] = []
    opened: tuple[tuple[str, str | None], Generator] | None = None
    for number, sound in enumerate(sounds, start=1):
        key = sound.backend, sound.model
        if opened is None or opened[0] != key:
            opened = None  # it goes before the next one comes
            opened = key, opens(sound.backend, model=sound.model, device=device)
        made.append(_made(sound, opened[1], length_s))
        on_sound(number)
    return made


def _made(sound: SoundFacts, generator: Generator, length_s: float) -> tuple[SoundFacts, Audio | None]:
    seconds = max(min(length_s, generator.longest_s, MOST_S), LEAST_S)
    identity = _identity(sound.backend, generator)
    known = replace(sound, seconds=seconds, identity=identity, rms=None, kept=True, reason=None)
    try:
        (audio,) = generator.generate([Request(seconds=seconds, prompt=sound.prompt, seed=sound.seed)])
    except UserError as error:
        if sound.role == "music":
            raise
        return replace(known, kept=False, reason=one_line(error)), None
    if sound.role == "music":
        return known, audio
    rms = mean_rms(audio.samples)
    if rms > THRESHOLD:
        reason = f"it is noise: its mean RMS is {rms:.3f}, and more than {THRESHOLD:g} is discarded"
        return replace(known, rms=rms, kept=False, reason=reason), None
    return replace(known, rms=rms), audio


def _identity(backend: str, generator: Generator) -> str | None:
    """Return model and revision of a backend; None where it does not say them."""
    known = adapters(GENERATE)
    facts = constants_of(known[backend]) if backend in known else {}
    model = getattr(generator, "model", None) or facts.get("MODEL_ID")
    revision = getattr(generator, "revision", None) or facts.get("REVISION")
    return None if model is None else f"{model}@{revision}"
