"""Whatever a model writes is read as a scheme, or refused with a reason that it can be told."""

import json

import pytest

from leitmotif.generators.sound_effects.choose import EFFECTS as COMPUTED
from leitmotif.generators.sva import prompts
from leitmotif.generators.sva.scheme import BadScheme, Scheme, read_scheme, read_schemes
from leitmotif.generators.sva.words import effects_in, scheme_of_words
from leitmotif.storage.errors import UserError

SCHEME = Scheme(
    idea="Harbour", effects=("Rigging rattles in the wind", "Waves slap a hull"), music="Slow strings, tense"
)
PLAIN = SCHEME.text()
OBJECT = json.loads(PLAIN)


def with_value(key: str, value: object) -> str:
    return json.dumps(OBJECT | {key: value})


@pytest.mark.parametrize(
    "said",
    [
        PLAIN,
        f"Sure! Here is an idea for {{your}} film:\n```json\n{PLAIN}\n```\nShall I write another one?",
        PLAIN.replace('"', "'"),
        PLAIN.replace('"', "“", 1).replace('"', "”", 1),
        PLAIN.replace("}", ",}").replace("]", ",]"),
        PLAIN.replace('", "', '" "').replace('], "', '] "'),
        json.dumps({"scheme": {"Idea": "Harbour", "sfx": OBJECT["SFX"], "Background Music": OBJECT["BGM"]}}),
        with_value("SFX", [{"name": "one", "description": text} for text in OBJECT["SFX"]]),
        with_value("SFX", {"1": OBJECT["SFX"][0], "2": OBJECT["SFX"][1]}),
        with_value("SFX", "1. Rigging rattles in the wind; 2. Waves slap a hull"),
        with_value("SFX", ["[Rigging] rattles in the wind.", '"Waves" slap a hull']),
        with_value("SFX", [*OBJECT["SFX"], "A gull cries"]),
        with_value("SFX", ["A sad piano melody", *OBJECT["SFX"]]),
        with_value("SFX", [" ".join(["far"] * 13), *OBJECT["SFX"], OBJECT["SFX"][0].upper()]),
        with_value("BGM", ["Slow strings,", "tense"]),
        "**Idea:** Harbour\n**SFX:**\n1. Rigging rattles in the wind\n2. Waves slap a hull\n"
        "**BGM:** Slow strings, tense",
        '{"idea": "Harbour" "SFX": "Rigging rattles in the wind", "Waves slap a hull" '
        '"BGM": "Slow strings, tense"}',
        PLAIN + "\n" + PLAIN.replace("Slow", "Quick"),
    ],
)
def test_what_is_nearly_a_scheme_is_mended(said: str) -> None:
    assert read_scheme(said) == SCHEME


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("I'm sorry, I can't help with that.", "is a refusal"),
        ("A lovely film.", "no JSON object"),
        ("{" * 3000, "no JSON object"),
        ("[" * 3000, "no JSON object"),
        ("x" * 4001, "4001 letters"),
        (with_value("SFX", OBJECT["SFX"][:1]), "has 1 effects"),
        (with_value("SFX", []), "has 0 effects"),
        (with_value("SFX", None), "has 0 effects"),
        (with_value("SFX", [OBJECT["SFX"][0]] * 2), "has 1 effects"),
        (with_value("SFX", ["A soft piano melody", "Rain falls"]), "is music (piano)"),
        (with_value("SFX", [" ".join(["far"] * 13), "Rain falls"]), "has 13 words"),
        (with_value("SFX", ["…", "Rain falls"]), "says nothing"),
        (with_value("BGM", ""), '"BGM" is empty'),
        (with_value("BGM", {}), '"BGM" is empty'),
        (with_value("BGM", "very " * 90 + "slow"), '"BGM" has 91 words'),
    ],
)
def test_what_is_no_scheme_is_refused_with_the_reason(said: str, why: str) -> None:
    with pytest.raises(BadScheme) as caught:
        read_scheme(said)
    assert why in str(caught.value)


def test_an_apostrophe_is_no_end_of_a_text() -> None:
    said = (
        "{'SFX': ['A dog\\'s tail wags', \"Rain on the neighbour's roof\"], 'BGM': 'Jazz, and it\\'s fast'}"
    )
    assert read_scheme(said).effects == ("A dog's tail wags", "Rain on the neighbour's roof")
    assert read_scheme(said).music == "Jazz, and it's fast"


@pytest.mark.parametrize(
    "effect", ["A car horn honks", "An elephant trumpets", "Church bells ring", "A whistle"]
)
def test_sounds_of_the_world_that_bear_names_of_instruments_are_no_music(effect: str) -> None:
    assert read_scheme(with_value("SFX", [effect, "Rain falls"])).effects[0] == effect


def test_half_a_letter_and_controls_are_made_writable() -> None:
    found = read_scheme('{"idea": "x", "SFX": ["Rain \\ud83d falls", "Wind\\u0000 howls"], "BGM": "Calm"}')
    found.text().encode()


def test_examples_are_read_one_by_one_and_those_of_no_use_are_left_out() -> None:
    said = f"- {PLAIN};\n- {PLAIN.replace('Harbour', 'Port')}\nprose {{no}}\n- {with_value('SFX', [])}"
    assert [each.idea for each in read_schemes(said)] == ["Harbour", "Port"]
    with pytest.raises(BadScheme, match="no example"):
        read_schemes("Here they are.")


def test_our_own_examples_are_schemes_as_they_are_asked_for() -> None:
    for example in prompts.EXAMPLES:
        assert read_scheme(example.text()) == example


def test_words_become_music_and_the_sounds_that_they_name() -> None:
    scheme = scheme_of_words(" slow piano by  the sea, distant thunder and heavy rain ")
    assert scheme.music == "slow piano by the sea, distant thunder and heavy rain"
    assert scheme.effects == ("sea", "distant thunder")
    assert scheme_of_words("jazz", "melancholic") == Scheme(music="melancholic, jazz")
    with pytest.raises(UserError, match="no words"):
        scheme_of_words(" ")


@pytest.mark.parametrize("name", [effect.name for effect in COMPUTED])
def test_every_computed_effect_is_named_so_that_it_is_found_again(name: str) -> None:
    assert effects_in(f"heavy {name}") == (f"heavy {name}",)
