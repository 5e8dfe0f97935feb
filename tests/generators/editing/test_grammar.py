"""An instruction becomes a checked list of edits; what is not understood is refused, never guessed."""

import math

import pytest

from leitmotif.generators.editing.edit import Edit, edit_of
from leitmotif.generators.editing.grammar import LONGEST, NotFollowedError, read_instruction
from leitmotif.generators.editing.section import SHARES, Section, clock
from leitmotif.storage.errors import UserError


def span(start_s: float | None, end_s: float | None) -> Section:
    return Section(name="span", start_s=start_s, end_s=end_s)


def louder(target: str, amount_db: float = 6.0, section: str = "whole") -> Edit:
    return Edit(action="louder", target=target, amount_db=amount_db, section=Section(name=section))


def softer(target: str, amount_db: float = 6.0, section: str = "whole") -> Edit:
    return Edit(action="softer", target=target, amount_db=amount_db, section=Section(name=section))


def removed(target: str, section: Section | None = None, *, but: bool = False) -> Edit:
    return Edit(action="remove", target=target, but=but, section=section or Section())


SAID = {
    "make the drums louder in the second half": [louder("drums", section="second half")],
    "remove the vocals": [removed("vocals")],
    "replace the piano with a guitar": [
        Edit(action="replace", target="piano", by="acoustic guitar", words="a guitar")
    ],
    "add a violin from 0:10 to 0:20": [
        Edit(action="add", target="violin", words="a violin", section=span(10, 20))
    ],
    "turn the bass down by 6 dB": [softer("bass guitar")],
    "a bit softer": [softer("everything", 3)],
    "make it sound like jazz": [Edit(action="restyle", target="everything", by="jazz")],
    "only the intro without drums": [removed("drums", Section(name="intro"))],
    "In the first half, remove the vocals and the drums.": [
        removed("vocals", Section(name="first half")),
        removed("drums", Section(name="first half")),
    ],
    "Remove the vocals and make the drums much louder in the last ten seconds": [
        removed("vocals"),
        Edit(action="louder", target="drums", amount_db=9.0, section=span(-10, None)),
    ],
    "keep only the vocals": [removed("vocals", but=True)],
    "remove everything except the drums": [removed("drums", but=True)],
    "just the bass": [removed("bass guitar", but=True)],
    "make it instrumental": [removed("vocals")],
    "Could you please make the saxophone a little bit quieter in the last third?": [
        softer("saxophone", 3, "last third")
    ],
    "drums +3 dB": [louder("drums", 3)],
    "twice as loud": [louder("everything", 10)],
    "the vocals are too loud": [softer("vocals")],
    "turn down the volume of the drums slightly": [softer("drums", 3)],
    "more piano": [louder("piano")],
    "boost the organ by 100 %": [louder("organ", 20 * math.log10(2))],
    "remove the singing from 1 to 2 minutes": [removed("vocals", span(60, 120))],
    "no drums until 0:15": [removed("drums", span(None, 15))],
    "take the vocals out after 1:05.5": [removed("vocals", span(65.5, None))],
    "add a cello at 0:30 for 10 seconds": [
        Edit(action="add", target="cello", words="a cello", section=span(30, 40))
    ],
    "add heavy rain in the ending": [
        Edit(action="add", target="rain", words="heavy rain", section=Section(name="outro"))
    ],
    "use a flute instead of the violin": [
        Edit(action="replace", target="violin", by="flute", words="a flute")
    ],
    "turn the song into a reggae song": [Edit(action="restyle", target="everything", by="reggae")],
    "make it happier": [Edit(action="restyle", target="everything", by="happy")],
    "mute everything for the last five seconds": [removed("everything", span(-5, None))],
}


@pytest.mark.parametrize("text", SAID)
def test_an_instruction_becomes_its_edits(text: str) -> None:
    assert list(read_instruction(text)) == SAID[text]


@pytest.mark.parametrize("text", SAID)
def test_what_was_understood_is_said_in_words_that_are_understood(text: str) -> None:
    edits = read_instruction(text)
    again = [edit for said in edits for edit in read_instruction(str(said))]
    assert [(edit.action, edit.target, edit.but, edit.by, edit.section) for edit in again] == [
        (edit.action, edit.target, edit.but, edit.by, edit.section) for edit in edits
    ]


@pytest.mark.parametrize("text", SAID)
def test_an_edit_comes_back_from_its_facts(text: str) -> None:
    assert [edit_of(edit.facts()) for edit in read_instruction(text)] == SAID[text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "please",
        "sing it backwards",
        "make the frobnicator louder",
        "remove the vocals in the verse",
        "remove the vocals in the first half in the intro",
        "add vocals",
        "remove everything",
        "make the drums louder by 90 dB",
        "remove the vocals and the frobnicator",
        "transpose it by two semitones",
        "nicht so laut",
        "in the second half",
        "x" * (LONGEST + 1),
    ],
)
def test_what_is_not_understood_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(NotFollowedError) as refused:
        read_instruction(text)
    assert "\n" not in str(refused.value)
    assert len(text) > LONGEST or "it can: add X, remove X" in str(refused.value)


def test_a_refusal_says_what_was_understood() -> None:
    with pytest.raises(NotFollowedError, match=r"understood: remove the vocals in the intro;"):
        read_instruction("remove the vocals in the intro and make the frobnicator louder")


def test_a_refusal_names_what_is_near() -> None:
    with pytest.raises(NotFollowedError, match="near: accordion"):
        read_instruction("make the acordion louder")


@pytest.mark.parametrize("name", SHARES)
def test_a_share_is_a_part_of_any_length(name: str) -> None:
    start, end = SHARES[name]
    assert Section(name=name).bounds(90.0) == (pytest.approx(90 * start), pytest.approx(90 * end))


def test_intro_and_ending_lie_at_the_edges() -> None:
    assert Section(name="intro").bounds(80.0) == (0.0, 10.0)
    assert Section(name="outro").bounds(80.0) == (70.0, 80.0)
    assert Section(name="intro").bounds(6.0) == (0.0, 3.0)
    assert Section(name="intro").bounds(3600.0) == (0.0, 20.0)


def test_a_span_ends_with_the_recording() -> None:
    assert span(5, 90).bounds(60.0) == (5, 60.0)
    assert span(-5, None).bounds(60.0) == (55.0, 60.0)
    assert span(-90, None).bounds(60.0) == (0.0, 60.0)


@pytest.mark.parametrize("strange", [span(70, 80), span(20, 10), span(60, None)])
def test_a_span_that_a_recording_has_not_is_refused(strange: Section) -> None:
    with pytest.raises(UserError, match=r"the recording lasts 60\.0 s"):
        strange.bounds(60.0)


def test_times_are_written_as_people_do() -> None:
    assert [clock(time_s) for time_s in (0, 5, 65.5, 130.25)] == ["0:00", "0:05", "1:05.5", "2:10.25"]


@pytest.mark.parametrize(
    "strange",
    [
        {"action": "sing", "target": "vocals"},
        {"action": "louder", "target": "vocals"},
        {"action": "remove", "target": "vocals", "amount_db": 3.0},
        {"action": "replace", "target": "piano"},
        {"action": "louder", "target": "vocals", "amount_db": math.nan},
        {"action": "louder", "target": "vocals", "volume": 3.0},
    ],
)
def test_facts_that_are_no_edit_are_refused(strange: dict[str, object]) -> None:
    with pytest.raises(UserError):
        edit_of(strange)
