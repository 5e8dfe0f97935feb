import pytest

from leitmotif.captioning.errors import BadCaption
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.prompt import read_prompt
from leitmotif.captioning.validate import read_caption

PROMPT = read_prompt("music-context-v1")
FACTS = CaptionFacts(
    "clip",
    title="Rain Over The Old Harbour",
    artist="Wanda Ytterbium",
    description="Please like and share. Buy cheap tickets for our great summer tour in the town hall today.",
    comments=("This takes me back to the winter when we all were young.",),
    instruments=("piano", "strings"),
    genres=("classical",),
    moods=("calm",),
)


def read(text: str, facts: CaptionFacts = FACTS) -> str:
    return read_caption(text, facts, instructions=PROMPT.system, max_words=PROMPT.max_words)


@pytest.mark.parametrize(
    ("answer", "caption"),
    [
        ("A calm piano piece with soft strings.", "A calm piano piece with soft strings."),
        ("  A calm piano piece with soft strings ", "A calm piano piece with soft strings."),
        ('"A calm piano piece with soft strings."', "A calm piano piece with soft strings."),
        ("“A calm piano piece with soft strings.”", "A calm piano piece with soft strings."),
        ("**A calm piano piece with soft strings.**", "A calm piano piece with soft strings."),
        ("*'A calm piano piece with soft strings'*", "A calm piano piece with soft strings."),
        ("A piano piece at approx. 72 BPM in F♯ minor.", "A piano piece at approx. 72 BPM in F# minor."),
        ("A calm piece, e.g. for study, like op. 5.", "A calm piece, e.g. for study, like op. 5."),
        ("Calm... then stormy, this piece drifts on!", "Calm... then stormy, this piece drifts on!"),
        ("A piano waltz à la française, calm and soft.", "A piano waltz à la française, calm and soft."),
        ("A track that evokes rain at night.", "A track that evokes rain at night."),
        ("Rock 'n' roll drives this 4/4 track (120 BPM).", "Rock 'n' roll drives this 4/4 track (120 BPM)."),
        ("It's a song that you'd hear at 3 a.m in a bar", "It's a song that you'd hear at 3 a.m in a bar."),
    ],
)  # fmt: skip
def test_a_caption_is_taken_without_its_wrapping(answer, caption):
    assert read(answer) == caption


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("", "empty"),
        ("   \n ", "empty"),
        ('""', "empty"),
        ("I'm sorry, but I cannot describe this music for you.", "refusal"),
        ("I can’t help with that request about the music.", "refusal"),
        ("As an assistant I have no ears for this music.", "refusal"),
        ("Please provide the tags for the music piece first.", "refusal"),
        ("Here is a description: A calm piano piece with strings.", "preamble"),
        ("Here’s a one-sentence description of the music: A calm piece.", "preamble"),
        ("Sure! A calm piano piece with soft strings follows", "preamble"),
        ("Description: A calm piano piece with soft strings.", "preamble"),
        ("A calm piano piece, listen at https://evil.example now.", "link"),
        ("A calm piano piece, listen at www.evil.example now.", "link"),
        ("A calm piano piece, more at evil-music.com today.", "link"),
        ("A calm piano piece, write to me@mail.example for more.", "link"),
        ("A calm piano piece with soft strings #relaxing.", "hashtag"),
        ("A calm <b>piano</b> piece with soft strings.", "markup"),
        ("- A calm piano piece with soft strings.", "markup"),
        ("1. A calm piano piece with soft strings.", "markup"),
        ("A calm **piano** piece with soft strings.", "markup"),
        ("<|start_header_id|>A calm piano piece with strings.", "markup"),
        ("A calm piano piece with soft strings 🎹.", "emoji"),
        ("Спокойная музыка piano, чтобы слушать вечером дома.", "English"),
        ("平静的钢琴曲 piano 平静的钢琴曲 平静 平静 平静 平静", "English"),
        ("A calm piano piece. It has soft strings.", "2 sentences"),
        ("A calm piano piece! it has soft strings? And more.", "3 sentences"),
        ("A calm piano piece.\n\nIt has soft strings.", "several lines"),
        ("A calm piece.", "3 words"),
        ("A calm piano piece " + "with soft strings " * 30, "94 words"),
        ("A calm piano piece with soft strings and a,", "breaks off"),
        ("Rain Over The Old Harbour is a calm piano piece.", "repeats the title"),
        ("Buy cheap tickets for our great summer tour, music lovers.", "repeats the description"),
        ("This takes me back to the winter when music was young.", "repeats the comments"),
        ("A calm piano piece by Wanda Ytterbium with soft strings.", "names the artist"),
        ("You need to generate a one-sentence description for this music.", "instructions"),
        ("piano, strings, classical, calm, piano and strings.", "nothing but the tags"),
        ("Ahoy matey, yer treasure lies buried under the palm.", "nothing about music"),
    ],
)
def test_anything_else_is_no_caption_for_a_reason(answer, fault):
    with pytest.raises(BadCaption, match=fault):
        read(answer)


def test_the_reason_is_that_of_the_first_fault_found():
    with pytest.raises(BadCaption, match="refusal"):
        read("I cannot do this. Visit https://evil.example for more #music.")


def test_a_caption_may_share_a_few_words_with_the_page():
    facts = CaptionFacts("c", title="Calm Piano Music", artist="Relaxing Music", genres=("classical",))
    caption = "A stretch of calm piano music, slow and relaxing music for a classical evening."
    assert read(caption, facts) == caption


def test_a_caption_that_is_the_title_is_no_caption():
    with pytest.raises(BadCaption, match="title"):
        read("Slow Songs For Sad Pianos", CaptionFacts("c", title="Slow songs for sad pianos!"))


def test_the_paper_s_instructions_are_recognised_too():
    system = read_prompt("music-sentence-v1").system
    with pytest.raises(BadCaption, match="instructions"):
        read_caption(
            "I see that here are tags about this music and more.", FACTS, instructions=system, max_words=60
        )
