"""A scheme without a model: words of a user, or of a description, are the music; what they name is heard."""

from __future__ import annotations

from leitmotif.generators.sound_effects.choose import Wanted, choose
from leitmotif.generators.sva.scheme import EFFECTS, Scheme
from leitmotif.storage.errors import UserError


def scheme_of_words(words: str, style: str | None = None) -> Scheme:
    """Return a scheme after words.

    Args:
        words: What the film is to sound like, such as "calm piano by the sea, distant thunder".
        style: What else the music is to be, such as "melancholic".

    Returns:
        The words as music, and as effects the first two sounds that they name, or fewer.

    Raises:
        UserError: There are no words.
    """
    said = " ".join(words.split())
    if not said:
        raise UserError("got no words; say what the film is to sound like")
    return Scheme(effects=effects_in(said), music=said if style is None else f"{style}, {said}")


def effects_in(words: str) -> tuple[str, ...]:
    """Return the sounds that words name, two at most, without the words beside them, which may be music."""
    try:
        return tuple(_named(wanted) for wanted in choose(words)[:EFFECTS])
    except UserError:  # they name none
        return ()


def _named(wanted: Wanted) -> str:
    manner = wanted.manner
    how = ["distant"] if manner.distant else []
    how += ["heavy"] if manner.strength > 0.5 else ["gentle"] if manner.strength < 0.5 else []
    return " ".join([*how, wanted.effect.name])
