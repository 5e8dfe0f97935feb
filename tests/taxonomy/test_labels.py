"""The label set that ships: what is in it, what it can be asked, and how a wrong file is refused."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from leitmotif.taxonomy.labels import LABELS_PATH, TaxonomyError, UnknownLabelError, load

INSTRUMENTS = {
    "strings": "violin,cello,strings,harp,acoustic guitar,electric guitar,bass guitar,banjo,sitar",
    "keyboards": "piano,electric piano,organ,harpsichord,accordion",
    "winds": "flute,clarinet,oboe,saxophone,trumpet,trombone,french horn,brass,harmonica",
    "percussion": "drums,hand percussion,mallet percussion,bells,timpani",
    "others": "synthesizer,synth pad,drum machine",
}
GENRES = (
    "rock,metal,pop,jazz,blues,classical,cinematic,electronic,hip hop,funk,reggae,latin,folk,country,ambient"
)
MOODS = (
    "happy,energetic,triumphant,aggressive,tense,dark,sad,melancholic,calm,peaceful,romantic,dreamy,playful"
)
FOLDS = {
    "strings": "double bass,viola",
    "electric guitar": "distorted guitar",
    "bass guitar": "synth bass",
    "banjo": "mandolin,ukulele",
    "flute": "piccolo,recorder,pan flute",
    "oboe": "bassoon",
    "trombone": "tuba",
    "hand percussion": "bongo,conga,tabla,frame drum,shaker,castanets",
    "mallet percussion": "vibraphone,marimba,xylophone",
    "bells": "glockenspiel,tubular bells,celesta,music box,gong",
    "timpani": "taiko",
}
# A few names and ids of the AudioSet ontology, as facts to compare with.
AUDIOSET = {
    "violin": ("/m/07y_7", "Violin, fiddle"),
    "strings": ("/m/02qmj0d", "String section"),
    "piano": ("/m/05r5c", "Piano"),
    "oboe": ("/m/05kms", "Oboe"),
    "drums": ("/m/02hnl", "Drum kit"),
    "hip hop": ("/m/0glt670", "Hip hop music"),
    "latin": ("/m/0g293", "Music of Latin America"),
    "happy": ("/t/dd00031", "Happy music"),
    "male vocals": ("/t/dd00003", "Male singing"),
    "speech": ("/m/09x0r", "Speech"),
}


@pytest.fixture(scope="module")
def taxonomy():
    return load()


@pytest.fixture
def written(tmp_path: Path):
    """Write a changed copy of the shipped file and return its path."""

    def write(change) -> Path:
        content = yaml.safe_load(LABELS_PATH.read_text(encoding="utf-8"))
        change(content)
        path = tmp_path / "labels.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path

    return write


def test_the_instruments_stand_in_five_families_in_order(taxonomy):
    found = {family.id: ",".join(family.members) for family in taxonomy.families}
    assert found == INSTRUMENTS
    assert list(found) == list(INSTRUMENTS)


def test_the_genres_moods_and_vocals_are_these_in_this_order(taxonomy):
    assert ",".join(label.id for label in taxonomy.genres) == GENRES
    assert ",".join(label.id for label in taxonomy.moods) == MOODS + ",mysterious"
    assert [label.id for label in taxonomy.vocals] == ["male vocals", "female vocals", "choir", "speech"]


def test_all_tags_are_instruments_then_genres_then_moods(taxonomy):
    assert [label.kind for label in taxonomy.all_tags()] == ["instrument"] * 31 + ["genre"] * 15 + [
        "mood"
    ] * 14


def test_a_mood_lies_where_its_name_says(taxonomy):
    assert (taxonomy.find("happy").valence, taxonomy.find("happy").arousal) == (0.8, 0.5)
    assert (taxonomy.find("calm").valence, taxonomy.find("calm").arousal) == (0.3, -0.8)
    assert all(label.valence is None for label in taxonomy.instruments)


@pytest.mark.parametrize("label", FOLDS)
def test_a_rare_instrument_folds_into_its_label(taxonomy, label):
    assert {taxonomy.find(name).id for name in FOLDS[label].split(",")} == {label}


def test_a_name_is_found_by_synonym_whatever_its_case_and_hyphens(taxonomy):
    assert taxonomy.find("Double Bass").id == "strings"
    assert taxonomy.find("hip-hop").id == "hip hop"
    assert taxonomy.find(" drum_kit ").id == "drums"


def test_an_unknown_name_lists_near_ones(taxonomy):
    with pytest.raises(
        UnknownLabelError, match=r"got 'pianno', expected a label or a synonym; near: 'piano'"
    ):
        taxonomy.find("pianno")


def test_an_unknown_family_lists_the_known_ones(taxonomy):
    with pytest.raises(UnknownLabelError, match="strings, keyboards, winds"):
        taxonomy.family("brasses")
    assert taxonomy.family("winds").prompts()[0] == "the sound of wind instruments"


def test_prompts_are_every_template_over_the_id_and_the_synonyms(taxonomy):
    label = taxonomy.find("clarinet")
    assert label.prompts()[:3] == [
        "the sound of clarinet",
        "a recording of clarinet",
        "this music features clarinet",
    ]
    assert len(label.prompts()) == 3 * (1 + len(label.synonyms))
    assert label.prompts("just {label}") == ["just clarinet", "just B-flat clarinet"]


def test_every_label_has_one_defining_sentence_and_distinct_prompts(taxonomy):
    for label in taxonomy.all_tags() + taxonomy.vocals:
        assert label.definition.endswith(".") and label.definition.count(". ") == 0, label.id
        assert len(set(label.prompts())) == len(label.prompts()), label.id
        assert label.id == label.id.lower()


def test_no_prompt_asks_for_two_labels_of_a_kind(taxonomy):
    for labels in (taxonomy.instruments, taxonomy.genres, taxonomy.moods, taxonomy.vocals):
        prompts = [prompt for label in labels for prompt in label.prompts()]
        assert len(set(prompts)) == len(prompts)


@pytest.mark.parametrize("label", AUDIOSET)
def test_audioset_classes_agree_with_the_ontology(taxonomy, label):
    found = taxonomy.find(label).audioset
    assert (found.mid, found.name) == AUDIOSET[label]


def test_jamendo_tags_carry_the_category_of_their_kind(taxonomy):
    category = {"genre": "genre", "instrument": "instrument", "mood": "mood/theme", "vocal": "instrument"}
    for label in taxonomy.all_tags() + taxonomy.vocals:
        if label.mtg_jamendo:
            assert label.mtg_jamendo.split("---")[0] == category[label.kind], label.id
    assert taxonomy.find("hip hop").mtg_jamendo == "genre---hiphop"


def test_the_first_quality_pair_is_that_of_pam(taxonomy):
    assert taxonomy.quality.positive[0] == "the sound is clear and clean."
    assert taxonomy.quality.negative[0] == "the sound is noisy and with artifacts."
    assert len(taxonomy.quality.positive) == len(taxonomy.quality.negative) >= 3
    assert len(taxonomy.voice.positive) == len(taxonomy.voice.negative) >= 3


def test_the_fingerprint_follows_prompts_and_not_definitions(taxonomy, written):
    def define(content):
        content["instruments"][0]["definition"] = "Something else."
        content["instruments"][0]["folds"] = ["rebec"]

    def rename(content):
        content["instruments"][0]["synonyms"] = ["viol"]

    assert load().fingerprint == taxonomy.fingerprint
    assert load(written(define)).fingerprint == taxonomy.fingerprint
    assert load(written(rename)).fingerprint != taxonomy.fingerprint
    assert len(taxonomy.fingerprint) == 12


def test_labels_cannot_be_changed(taxonomy):
    with pytest.raises(dataclasses.FrozenInstanceError):
        taxonomy.instruments[0].id = "viola"


def _set(section: str, index: int, key: str, value: object):
    def change(content):
        content[section][index][key] = value

    return change


def _drop(section: str, index: int, key: str):
    def change(content):
        del content[section][index][key]

    return change


def _template(content):
    content["templates"]["genre"] = ["{label} of {artist}"]


def _list(content):
    content["moods"][1] = "energetic"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("instruments", 0, "colour", "red"), "instruments, label 'violin', field 'colour': unknown key"),
        (_set("genres", 1, "family", "strings"), "genres, label 'metal', field 'family': unknown key"),
        (_drop("genres", 0, "definition"), "genres, label 'rock', field 'definition': missing"),
        (_set("moods", 0, "definition", " "), "moods, label 'happy', field 'definition': got ' '"),
        (_drop("moods", 3, "arousal"), "moods, label 'aggressive', field 'arousal': missing"),
        (_set("moods", 0, "valence", 3), "moods, label 'happy', field 'valence': got 3"),
        (_drop("vocals", 0, "id"), "vocals, label number 1, field 'id': missing"),
        (_set("instruments", 1, "id", "violin"), "label 'violin', field 'id': 'violin' already names"),
        (
            _set("genres", 0, "synonyms", ["Heavy-Metal"]),
            "label 'metal', field 'synonyms': 'heavy metal' already",
        ),
        (
            _set("genres", 2, "folds", ["pop"]),
            "genres, label 'pop', field 'folds': 'pop' already names label 'pop'",
        ),
        (
            _set("instruments", 2, "family", "bows"),
            "label 'strings', field 'family': got 'bows', expected one of str",
        ),
        (
            _set("instruments", 9, "audioset", {"mid": "05r5c", "name": "Piano"}),
            "label 'piano', field 'audioset.mid': got '05r5c', expected an AudioSet machine id",
        ),
        (_set("genres", 0, "mtg_jamendo", "rock"), "genres, label 'rock', field 'mtg_jamendo': got 'rock'"),
        (_set("families", 1, "id", "strings"), "family 'strings', field 'id': given twice"),
        (_template, "field 'templates.genre': got '{label} of {artist}', expected exactly one"),
        (_list, "moods, label number 2, field 'whole entry': got 'energetic'"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_naming_label_and_field(written, change, message):
    with pytest.raises(TaxonomyError) as caught:
        load(written(change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("labels.yaml: ")


def test_a_missing_file_and_broken_yaml_are_refused(tmp_path):
    with pytest.raises(TaxonomyError, match="cannot be read"):
        load(tmp_path / "none.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1", encoding="utf-8")
    with pytest.raises(TaxonomyError, match="it is not YAML: "):
        load(tmp_path / "broken.yaml")
    (tmp_path / "empty.yaml").write_text("", encoding="utf-8")
    with pytest.raises(TaxonomyError, match=r"empty.yaml: it holds nothing, expected names with values"):
        load(tmp_path / "empty.yaml")
