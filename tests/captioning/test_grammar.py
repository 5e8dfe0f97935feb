import re
from dataclasses import replace

import numpy as np
import pytest
import yaml

from leitmotif.captioning import templates as wording_module
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.grammar import (
    MAX_GENRES,
    MAX_INSTRUMENTS,
    MAX_MOODS,
    GrammarCaptioner,
    find_theme,
    listed,
    with_article,
)
from leitmotif.captioning.templates import Templates, facts_of, prompt_ids, read_templates
from leitmotif.storage.errors import UserError

WORDS = read_templates("grammar-sentence-v1")
KEYS = ("C major", "F# minor", "A major", "D# minor")


def draw_facts(rng: np.random.Generator, number: int) -> CaptionFacts:
    def some(ids: dict, most: int) -> tuple[str, ...]:
        return tuple(str(each) for each in rng.permutation(sorted(ids))[: rng.integers(0, most + 1)])

    return CaptionFacts(
        clip_id=f"clip{number}",
        title=str(rng.choice(["Quiet Storm Rising Over Winter", "Zxqv Blorp", "Summer"]))
        if rng.random() < 0.6
        else None,
        artist=str(rng.choice(["Wanda Ytterbium", "The Rain Dogs", "Moon"])) if rng.random() < 0.6 else None,
        description=str(rng.choice(["A song about the sea.", "no dance at all"]))
        if rng.random() < 0.4
        else None,
        instruments=some(WORDS.instruments, 7),
        genres=some(WORDS.genres, 3),
        moods=some(WORDS.moods, 3),
        tempo_bpm=float(rng.uniform(40, 220)) if rng.random() < 0.6 else None,
        tempo_class=str(rng.choice(["slow", "medium", "fast"])) if rng.random() < 0.6 else None,
        key=str(rng.choice(KEYS)) if rng.random() < 0.5 else None,
        has_vocals=[None, True, False][rng.integers(3)],
    )


@pytest.fixture(scope="module")
def drawn() -> list[tuple[CaptionFacts, str]]:
    rng = np.random.default_rng(11)
    facts = [draw_facts(rng, number) for number in range(1500)]
    return list(zip(facts, captions(facts), strict=True))


def captions(facts: list[CaptionFacts]) -> list[str]:
    return [caption.text for caption in GrammarCaptioner().load().caption(facts)]


def has(phrase: str, caption: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(phrase.lower())}(?![\w-])", caption.lower()) is not None


def test_every_caption_is_one_well_formed_sentence(drawn):
    for facts, caption in drawn:
        assert caption[0].isupper() and caption.endswith(".") and caption.count(".") == 1, caption
        assert not re.search(r"  |[{}|]| [,.]|,,|\bNone\b", caption), caption
        assert len(caption.split()) <= WORDS.max_words, (facts, caption)


def test_a_and_an_go_by_the_sound_of_the_next_word(drawn):
    for _, caption in drawn:
        for article, following in re.findall(r"\b([Aa]n?) ([\w-]+)", caption):
            assert (article.lower() == "an") == (following[0].lower() in "aeiou"), caption


@pytest.mark.parametrize(
    ("phrase", "article"),
    [("ukulele", "a"), ("unhurried tune", "an"), ("hour", "an"), ("European song", "a"), ("up", "an")],
)
def test_words_whose_spelling_misleads_get_the_right_article(phrase, article):
    assert with_article(phrase) == f"{article} {phrase}"


def test_lists_have_the_oxford_comma():
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b, and c"


def test_a_caption_mentions_only_what_is_given(drawn):
    for facts, caption in drawn:
        allowed = {
            word
            for ids, table in ((facts.instruments, WORDS.instruments), (facts.moods, WORDS.moods))
            for each in ids
            for word in table[each]
        }
        for table in (WORDS.instruments, WORDS.moods):
            for words in table.values():
                for word in words:
                    inside = any(word in other and word != other for other in allowed)
                    assert word in allowed or inside or not has(word, caption), (word, facts, caption)
        for genre, word in WORDS.genres.items():
            assert genre in facts.genres or not has(word, caption), (genre, caption)
        assert facts.tempo_bpm is not None or "BPM" not in caption
        assert facts.key is not None or not re.search(r"\b(major|minor)\b", caption)
        if facts.has_vocals is not True:
            assert "vocal" not in caption and "song" not in caption, caption
        if facts.has_vocals is not False:
            assert "instrumental" not in caption, caption


def test_moods_genres_and_whether_somebody_sings_are_always_said(drawn):
    for facts, caption in drawn:
        for mood in facts.moods[:MAX_MOODS]:
            assert any(has(word, caption) for word in WORDS.moods[mood]), (mood, caption)
        for genre in facts.genres[:MAX_GENRES]:
            assert has(WORDS.genres[genre], caption), (genre, caption)
        if facts.has_vocals is not None:
            assert "vocal" in caption if facts.has_vocals else "instrumental" in caption


def test_names_are_never_given_away(drawn):
    for facts, caption in drawn:
        for name in (facts.title, facts.artist):
            assert name is None or not has(name, caption), (facts, caption)


def test_the_number_is_the_rounded_tempo(drawn):
    seen = 0
    for facts, caption in drawn:
        for number in re.findall(r"(\d+) BPM", caption):
            assert int(number) == round(facts.tempo_bpm)
            seen += 1
    assert seen > 100


def test_a_caption_depends_on_its_clip_alone(drawn):
    facts = [facts for facts, _ in drawn[:50]]
    assert captions(facts[::-1])[::-1] == [caption for _, caption in drawn[:50]]


def test_clips_with_the_same_facts_are_told_apart_in_words():
    facts = CaptionFacts(
        "",
        instruments=("piano", "drums"),
        genres=("jazz",),
        moods=("calm",),
        tempo_bpm=92.4,
        tempo_class="medium",
        key="D major",
        has_vocals=False,
    )
    assert len(set(captions([replace(facts, clip_id=str(number)) for number in range(200)]))) > 150


def test_there_are_forty_sentence_patterns_and_every_one_of_them_is_used(drawn):
    assert len(WORDS.sentences) >= 40

    def literal(sentence: str) -> str:
        return re.sub(r"\\\{[^{}]*\\\}", ".*", re.escape(sentence))

    for sentence in WORDS.sentences:
        assert any(re.match(literal(sentence), caption, re.IGNORECASE) for _, caption in drawn), sentence


def test_a_clip_of_which_nothing_is_known_gets_a_sentence_too():
    assert captions([CaptionFacts("x")])[0].endswith(".")
    assert captions([]) == []


def test_of_a_clip_without_tags_all_that_was_measured_is_said():
    for number in range(100):
        facts = CaptionFacts(
            f"{number}", tempo_bpm=92.4, tempo_class="medium", key="Eb major", has_vocals=number % 2 == 0
        )
        (caption,) = captions([facts])
        assert "Eb major" in caption and re.search(r"BPM|tempo|pace", caption), caption
        assert ("vocal" in caption) is facts.has_vocals, caption
        (caption,) = captions([replace(facts, tempo_bpm=None, tempo_class=None, has_vocals=None)])
        assert "Eb major" in caption and not has("vocal", caption), caption


def test_tags_without_words_of_their_own_are_called_by_their_id():
    facts = CaptionFacts("x", instruments=("theremin",), genres=("ska",), moods=("uncanny",))
    caption = captions([facts])[0]
    assert "ska" in caption and "uncanny" in caption.lower()


def test_many_long_names_still_make_a_short_sentence():
    facts = CaptionFacts(
        "x", instruments=tuple(f"very long hand made drum {n}" for n in range(9)), genres=("rock", "pop")
    )
    for number in range(50):
        caption = captions([replace(facts, clip_id=str(number))])[0]
        assert len(caption.split()) <= WORDS.max_words
    assert len(facts.instruments) > MAX_INSTRUMENTS


@pytest.mark.parametrize(
    ("title", "artist", "description", "theme"),
    [
        ("Walking By The Sea At Noon", None, None, "the sea"),
        (None, None, "all about love", "love"),
        ("Love", None, "all about love", None),
        ("Love", None, "love and the ocean", "the ocean"),
        (None, "The Rain Dogs", "rain", None),
        (None, None, "no love here", None),
        (None, None, None, None),
    ],
)
def test_themes_come_from_the_metadata_without_naming_anything(title, artist, description, theme):
    found = find_theme(CaptionFacts("x", title=title, artist=artist, description=description), WORDS)
    assert (found and found.words) == theme
    assert found is None or found.source == ("title" if title and title != "Love" else "description")


def test_a_caption_tells_where_its_theme_comes_from():
    title, description = "Walking By The Sea At Noon", "a song about love"
    facts = CaptionFacts("x", title=title, genres=("rock",), instruments=("piano",))
    (caption,) = GrammarCaptioner().load().caption([facts])
    assert "the sea" in caption.text and caption.metadata == ("title",)
    (caption,) = GrammarCaptioner().load().caption([replace(facts, title="A", description=description)])
    assert "love" in caption.text and caption.metadata == ("description",)
    (caption,) = GrammarCaptioner().load().caption([replace(facts, title="Untitled")])
    assert caption.metadata == ()


def test_a_theme_that_is_left_out_for_length_is_not_claimed():
    instruments = tuple(f"very old, very long and wide hand made drum {n}" for n in range(9))
    facts = CaptionFacts("x", title="The Sea", description="rain", instruments=instruments)
    (caption,) = GrammarCaptioner().load().caption([facts])
    assert "rain" not in caption.text and caption.metadata == ()


def test_the_words_cover_the_label_set():
    labels = pytest.importorskip("leitmotif.taxonomy.labels").load()
    for ids, table in (
        (labels.instruments, WORDS.instruments), (labels.genres, WORDS.genres), (labels.moods, WORDS.moods),
    ):  # fmt: skip
        assert {label.id for label in ids} == set(table)


def test_an_unknown_prompt_lists_the_known_ones():
    with pytest.raises(LookupError, match="expected one of grammar-sentence-v1"):
        GrammarCaptioner("haiku-v3").load()


def test_captioning_before_loading_says_what_to_do():
    with pytest.raises(RuntimeError, match="load"):
        GrammarCaptioner().caption([])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sentences": ["{a_peice}"]}, "a_peice"),
        ({"sentences": ["{a_piece}."]}, "period"),
        ({"sentences": ["{a_piece}", "{a_piece}"]}, "twice"),
        ({"sentences": ["{a_piece} in {key}"]}, "alone"),
        ({"paces": {"slow": ["slow"]}}, "medium"),
        ({"adverbs": {}}, "adverbs"),
    ],
)
def test_a_bad_prompt_file_says_what_is_wrong(tmp_path, monkeypatch, change, message):
    text = WORDS.model_dump(mode="json") | change
    (tmp_path / "grammar-sentence-v1.yaml").write_text(yaml.safe_dump(text))
    monkeypatch.setattr(wording_module, "PROMPTS", tmp_path)
    with pytest.raises(UserError, match=message):
        read_templates("grammar-sentence-v1")


def test_a_prompt_file_must_bear_its_own_name(tmp_path, monkeypatch):
    (tmp_path / "grammar-sentence-v2.yaml").write_text(yaml.safe_dump(WORDS.model_dump(mode="json")))
    monkeypatch.setattr(wording_module, "PROMPTS", tmp_path)
    with pytest.raises(UserError, match="grammar-sentence-v1"):
        read_templates("grammar-sentence-v2")


def test_every_shipped_prompt_can_be_read():
    for prompt_id in prompt_ids():
        assert isinstance(read_templates(prompt_id), Templates)


def test_a_sentence_needs_the_facts_of_its_slots():
    assert facts_of("{instruments} {verb:lead|leads} {this_piece}") == {"instruments", "piece"}
