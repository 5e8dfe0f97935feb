"""What a model that sees is asked: to describe a film, to invent its sounds, and to do that in a style.

They do what the templates of the paper's Figures 2 and 3 do, with words and examples of our own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from leitmotif.captioning.chat import Message
from leitmotif.generators.sva.scheme import EFFECT_WORDS, EFFECTS, Scheme

# Names the words below; another text has another name.
VERSION = "sva-v1"

# The key words that stand where a style's would: the paper asks for what is creative and out of this world.
KEY_WORDS = "inventive, playful, surprising"
EXAMPLES = (
    Scheme(
        idea="Harbour before the storm",
        effects=("Rigging rattles while gusts of wind pass", "Small waves slap against a wooden hull"),
        music="Slow strings over a low pulse, an accordion far away, tense and waiting, around 70 BPM",
    ),
    Scheme(
        idea="The kitchen goes to space",
        effects=("A kettle boils and starts to hiss", "Cutlery clinks in an open drawer"),
        music="Light electronic groove with marimba and hand claps, curious and bright, around 115 BPM",
    ),
    Scheme(
        idea="Marching ants",
        effects=("Dry leaves rustle under many tiny steps", "Crickets chirp on a warm evening"),
        music="Comic march for bassoon, pizzicato strings and snare, mischievous, in a steady two",
    ),
)

_DESCRIBE = """\
You tell a sound designer what is to be seen in short films. {shown} Look closely, and describe the film: \
the place, the time of day and the weather, who and what is there, what they do, what moves and could be \
heard, and the mood. Write one paragraph of plain prose, 120 words at most, with no list and nothing about \
the camera."""
_ONE, _SEVERAL = (
    "The picture is a frame of a film.",
    "The pictures are frames of one film, in the order in which they appear.",
)

_SCHEME = """\
BGM is background music: what plays under a film, and carries its mood. SFX are sound effects: everything \
in a film that is heard beside speech and music, such as weather, animals, machines, things that are touched.

You invent BGM and SFX for films. This is what is to be seen in a film:

{description}

Invent sounds for it that are {key_words}, and that make people who watch it glad.

An SFX is one short sentence of {words} words at most. It names no music and no instrument, and it is heard \
in the real world: in place of a sound that nobody has heard, take an ordinary one that comes near to it, like
- A train rolls over the joints of a bridge
- Children splash in a shallow pool

The BGM is one sentence with instruments, rhythm, melody, mood and style, like
- A sparse piano with long pauses over warm tape noise, lonely and tender, very slow
- Brass and timpani in a broad hymn, proud and solemn, with a choir that enters late

Answer with one idea that is {key_words}: one JSON object with one BGM and exactly {count} SFX, in the form \
of these examples. Use no brackets and no quotation marks inside a text, and write nothing but the object.

{examples}"""

_EXAMPLES = """\
These are ideas for the sound of short films, as JSON:

{examples}

Write four more in the same form, a line each, for whoever asks for this: {style}

All four, their effects and their music, must suit that. Write nothing but the four lines."""

_KEY_WORDS = """\
Somebody wants sound effects and background music for a short film, and says: {style}

Name the key words of that wish: one to five adjectives or nouns, with commas between them. That it is about \
sound, music or a film is known. For other wishes the answers were
- gloomy, rainy, resigned
- retro, arcade, quick
- festive, rural, brass

Write nothing but the key words."""


def digest() -> str:
    """Return the first 12 hex digits of the SHA-256 of all that models are asked."""
    texts = (
        _DESCRIBE,
        _ONE,
        _SEVERAL,
        _SCHEME,
        _EXAMPLES,
        _KEY_WORDS,
        KEY_WORDS,
        *map(Scheme.text, EXAMPLES),
    )
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def describe(pictures: Sequence[bytes]) -> list[Message]:
    """Return the conversation that asks what is to be seen.

    Args:
        pictures: JPEG files, in order.
    """
    parts = [{"type": "image_url", "image_url": {"url": _data_url(picture)}} for picture in pictures]
    text = _DESCRIBE.format(shown=_ONE if len(pictures) == 1 else _SEVERAL)
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]


def scheme(description: str, key_words: str, examples: Sequence[Scheme]) -> list[Message]:
    """Return the conversation that asks for a scheme."""
    return _asked(
        _SCHEME.format(
            description=description,
            key_words=key_words,
            examples=_lines(examples),
            words=EFFECT_WORDS,
            count=EFFECTS,
        )
    )


def examples_of(style: str) -> list[Message]:
    """Return the conversation that asks for examples in a style."""
    return _asked(_EXAMPLES.format(style=style, examples=_lines(EXAMPLES)))


def key_words_of(style: str) -> list[Message]:
    """Return the conversation that asks for the key words of a style."""
    return _asked(_KEY_WORDS.format(style=style))


def again(messages: Sequence[Message], answer: str, fault: str) -> list[Message]:
    """Return a conversation that goes on where an answer was of no use, and says why."""
    return [
        *messages,
        {"role": "assistant", "content": answer or "…"},
        {"role": "user", "content": f"That cannot be used: {fault}. Answer again, as it was asked."},
    ]


def _asked(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


def _lines(examples: Sequence[Scheme]) -> str:
    return "\n".join(example.text() for example in examples)


def _data_url(picture: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
