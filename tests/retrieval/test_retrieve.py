"""Finding music by what is given, within what is wanted, and never the query itself."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from leitmotif.media.mux import Encoding, write_video
from leitmotif.retrieval.build import build
from leitmotif.retrieval.query import Query
from leitmotif.retrieval.retriever import Retriever
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.takedown import Removal, write_record
from leitmotif.storage.errors import UserError
from tests.retrieval.conftest import GENRES, RATE_HZ, TEMPI, Library
from tests.retrieval.known_rows import a_row, model_id, unit, write_dataset


@pytest.fixture(scope="module")
def retriever(library: Library) -> Retriever:
    return Retriever(library.dataset, device="cpu")


def column(retriever: Retriever, name: str) -> list:
    return retriever.index.rows[name].to_pylist()


def test_a_sound_of_the_dataset_finds_all_others_by_cosine(library: Library, retriever: Retriever) -> None:
    found = retriever.retrieve(Query(audio=library.sounds[2]), 10)
    ids = column(retriever, "clip_id")
    vectors = np.array(library.dataset.table()["clap_embedding"].to_pylist(), np.float32)
    cosines = vectors @ vectors[2]
    expected = [ids[row] for row in np.argsort(-cosines, kind="stable") if row != 2]
    assert [hit.clip_id for hit in found.broad] == expected
    assert found.own == (ids[2],)
    assert [hit.score for hit in found.broad] == pytest.approx(sorted(np.delete(cosines, 2))[::-1], abs=1e-5)
    assert not found.targeted
    assert found.broad[0].reasons[0].startswith("sounds like the sound (clap 0.")


def test_the_same_sound_encoded_again_is_the_query_itself(
    library: Library, retriever: Retriever, tmp_path: Path
) -> None:
    sound, rate_hz = soundfile.read(library.sounds[4])
    soundfile.write(tmp_path / "again.ogg", sound, rate_hz)
    found = retriever.retrieve(Query(audio=tmp_path / "again.ogg"))
    assert found.own == (column(retriever, "clip_id")[4],)
    assert found.own[0] not in {hit.clip_id for hit in found.broad}


def test_a_picture_finds_what_looks_like_it_but_not_itself(library: Library, retriever: Retriever) -> None:
    found = retriever.retrieve(Query(image=library.pictures[1]), 3)
    vectors = np.array(library.dataset.table()["clip_embedding"].to_pylist(), np.float32)
    order = np.argsort(-(vectors @ vectors[1]), kind="stable")
    ids = column(retriever, "clip_id")
    assert found.own == (ids[1],)
    assert [hit.clip_id for hit in found.broad] == [ids[row] for row in order if row != 1][:3]
    assert found.broad[0].reasons[0].startswith("looks like the picture (clip ")


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({"genre": "jazz"}, lambda number: GENRES[number] == "jazz"),
        ({"tempo": "fast"}, lambda number: TEMPI[number] == 130),
        ({"genre": "rock", "tempo": "slow"}, lambda number: number == 0),
        ({"mood": "calm", "genre": "folk"}, lambda number: number == 5),
        ({"instrument": "piano"}, lambda number: True),
    ],
)
def test_the_targeted_track_holds_what_has_the_attributes_and_nothing_else(
    retriever: Retriever, wanted: dict[str, str], fits: object
) -> None:
    found = retriever.retrieve(Query(**wanted), 10)
    ids = column(retriever, "clip_id")
    assert {hit.clip_id for hit in found.targeted} == {ids[n] for n in range(6) if fits(n)}
    scores = [hit.score for hit in found.targeted]
    assert scores == sorted(scores, reverse=True)
    assert not found.broad
    assert all(len(hit.reasons) == len(wanted) + 1 for hit in found.targeted)


def test_both_tracks_come_of_one_call_and_neither_holds_the_query(
    library: Library, retriever: Retriever
) -> None:
    found = retriever.retrieve(Query(audio=library.sounds[3], genre="jazz", text="calm music"), 10)
    ids = column(retriever, "clip_id")
    assert [hit.clip_id for hit in found.targeted] == [ids[2]]
    assert len(found.broad) == 5
    assert set(found.broad[0].cosines) == {"the sound by clap", "the words by clap", "the words by clip"}
    assert len(found.broad[0].reasons) == 3


def test_words_are_compared_with_sound_and_pictures(retriever: Retriever) -> None:
    found = retriever.retrieve(Query(text="a fast rock song"), 6)
    assert len({hit.clip_id for hit in found.broad}) == 6
    assert found.broad[0].reasons[0].startswith("sounds like the words (clap ")
    assert found.broad[0].reasons[1].startswith("looks like the words (clip ")


def test_a_clip_never_finds_its_own_recording_or_source(library: Library, tmp_path: Path) -> None:
    table = library.dataset.table().to_pylist()
    for row, (source, recording) in zip(table, ["aa", "ab", "bc", "cd", "de", "ef"], strict=True):
        row["source_id"], row["recording_id"] = source, recording
    dims = len(table[0]["clap_embedding"]), len(table[0]["clip_embedding"])
    dataset = Dataset(write_dataset(tmp_path / "ds", table, dims=dims))
    build(dataset)
    retriever = Retriever(dataset, device="cpu")
    ids = [row["clip_id"] for row in table]
    assert set(retriever.retrieve(Query(audio=library.sounds[0])).own) == {ids[0], ids[1]}
    assert {hit.clip_id for hit in retriever.like_clip(ids[0])} == set(ids[2:])
    for number, clip_id in enumerate(ids):
        own = {n for n in range(6) if {*["aa", "ab", "bc", "cd", "de", "ef"][n]} and n == number}
        found = {hit.clip_id for hit in retriever.like_clip(clip_id)}
        assert not found & {ids[n] for n in own}


def test_windows_of_a_file_are_the_query_itself(library: Library, tmp_path: Path) -> None:
    from leitmotif.shards.clip_ids import hash_media, window_id

    film = tmp_path / "film.flac"
    shutil.copyfile(library.sounds[5], film)
    table = library.dataset.table().to_pylist()
    media_id = hash_media(film)
    table[0] |= {"clip_id": window_id(media_id, 10.0, 5.0), "start_s": 10.0, "duration_s": 5.0004}
    dims = len(table[0]["clap_embedding"]), len(table[0]["clip_embedding"])
    dataset = Dataset(write_dataset(tmp_path / "ds", table, dims=dims))
    build(dataset)
    found = Retriever(dataset, device="cpu").retrieve(Query(audio=film))
    assert table[0]["clip_id"] in found.own


def test_what_was_taken_down_is_not_found_whatever_the_index_holds(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "ds"
    shutil.copytree(library.dataset.path, folder)
    gone = library.dataset.table()["clip_id"].to_pylist()[0]
    write_record(
        folder, [Removal(asked="x", clip_ids=(gone,)), Removal(asked="y", urls=("https://video.example/1",))]
    )
    found = Retriever(Dataset(folder), device="cpu").retrieve(Query(text="music", genre="rock"), 10)
    assert len(found.broad) == 4
    assert not found.targeted
    assert found.notes == ("no clip has it (genre rock: 0 clips); nothing is targeted",)


def test_an_index_that_is_older_than_its_dataset_says_so(library: Library, tmp_path: Path) -> None:
    index = tmp_path / "index"
    table = library.dataset.table().to_pylist()
    dims = len(table[0]["clap_embedding"]), len(table[0]["clip_embedding"])
    folder = write_dataset(tmp_path / "ds", table, dims=dims)
    build(Dataset(folder), index)
    write_dataset(folder, table[:5], dims=dims)
    found = Retriever(Dataset(folder), index, device="cpu").retrieve(Query(text="music"), 10)
    assert len(found.notes) == 1
    assert f"`leitmotif index {folder} --out {index}` follows it" in found.notes[0]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "got nothing to look for"),
        ({"text": "  "}, "got an empty text"),
        ({"genre": "rokc"}, "got genre 'rokc', which the dataset's label set has not; near: rock"),
        ({"genre": "calm"}, "calm is a mood: --mood calm"),
        ({"mood": "qqqq"}, "expected one of "),
        ({"tempo": "quick"}, "got tempo 'quick'; expected one of slow, medium, fast"),
        ({"audio": Path("nowhere.wav")}, "there is no such file"),
    ],
)
def test_what_cannot_be_looked_for_is_one_line(retriever: Retriever, query: dict, said: str) -> None:
    with pytest.raises(UserError) as caught:
        retriever.retrieve(Query(**query))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_synonym_stands_for_its_label(retriever: Retriever) -> None:
    label = next(label for label in retriever.index.dataset.taxonomy.genres if label.id == "rock")
    for name in ("ROCK", *label.synonyms):
        assert len(retriever.retrieve(Query(genre=name)).targeted) == 2


@pytest.mark.parametrize("kind", ["audio", "video", "image"])
def test_files_that_are_none_of_what_is_asked_are_one_line(
    library: Library, retriever: Retriever, tmp_path: Path, kind: str
) -> None:
    texts = tmp_path / "text.mp4"
    texts.write_text("no film")
    wrong = {"audio": library.pictures[0], "video": library.sounds[0], "image": library.sounds[0]}
    for path in (texts, tmp_path, wrong[kind]):
        with pytest.raises(UserError) as caught:
            retriever.retrieve(Query(**{kind: path}))
        assert path.name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_silent_sound_is_refused(retriever: Retriever, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros((RATE_HZ, 2)), RATE_HZ)
    with pytest.raises(UserError, match=r"silent\.wav' is silent \(-120 dB\)"):
        retriever.retrieve(Query(audio=tmp_path / "silent.wav"))


@pytest.mark.slow
def test_of_hours_of_sound_a_few_windows_are_decoded(
    library: Library, retriever: Retriever, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leitmotif.media.sandbox import SandboxedWorker

    sound = np.zeros((8000 * 300, 1), np.float32)
    sound[::40] = 0.5
    soundfile.write(tmp_path / "long.flac", sound, 8000)
    decoded = []
    run = SandboxedWorker.run

    def watch(worker: SandboxedWorker, function: object, *args: object, **options: object) -> object:
        decoded.append(options.get("duration_s"))
        return run(worker, function, *args, **options)

    monkeypatch.setattr(SandboxedWorker, "run", watch)
    assert retriever.retrieve(Query(audio=tmp_path / "long.flac"), 1).broad
    lengths = [length for length in decoded if length is not None]
    assert len(lengths) == 24
    assert sum(lengths) <= 240


@pytest.mark.slow
def test_three_hours_of_film_are_a_few_pictures(
    library: Library, retriever: Retriever, tmp_path: Path
) -> None:
    picture = np.asarray(Image.open(library.pictures[1]).convert("RGB"), np.int16)
    rng = np.random.default_rng(0)
    grains = (rng.integers(-4, 5, picture.shape) for _ in range(216))  # a film that has as many bytes as one
    frames = (np.clip(picture + grain, 0, 255).astype(np.uint8) for grain in grains)
    silence = np.zeros((2, RATE_HZ), np.float32)
    write_video(tmp_path / "film.mp4", frames, silence, fps=0.02, encoding=Encoding(crf=8))
    found = retriever.retrieve(Query(video=tmp_path / "film.mp4"), 6)
    ids = column(retriever, "clip_id")
    assert found.own == (ids[1],)  # whose pictures these are
    assert {hit.clip_id for hit in found.broad} == {*ids} - {ids[1]}
    assert found.broad[0].reasons[0].startswith("looks like the video (clip ")


def test_an_empty_index_is_one_line(tmp_path: Path) -> None:
    dataset = Dataset(write_dataset(tmp_path / "ds", []))
    build(dataset)
    with pytest.raises(UserError, match="holds no clip"):
        Retriever(dataset)


def test_a_dataset_that_is_not_indexed_names_the_command(tmp_path: Path) -> None:
    dataset = Dataset(write_dataset(tmp_path / "ds", [a_row(0, clap_embedding=unit(1, 0, 0, 0))]))
    with pytest.raises(UserError, match=r"is no index .*`leitmotif index .*ds` makes one"):
        Retriever(dataset)


def test_another_model_than_the_datasets_is_one_line(tmp_path: Path) -> None:
    row = a_row(0, clap_embedding=unit(1, 0, 0, 0))
    row["models"] = [{"backend": "tagging", "model": "clap-mini@sha256:000000000000"}]
    dataset = Dataset(write_dataset(tmp_path / "ds", [row]))
    build(dataset)
    with pytest.raises(
        UserError, match=f"embedded by clap-mini@sha256:0+, and here is {model_id('tagging')}"
    ):
        Retriever(dataset, device="cpu").retrieve(Query(text="music"))


def test_what_the_dataset_was_not_embedded_by_is_one_line(tmp_path: Path) -> None:
    dataset = Dataset(write_dataset(tmp_path / "ds", [a_row(0, clap_embedding=unit(1, 0, 0, 0))]))
    build(dataset)
    (tmp_path / "film.mp4").write_text("x")
    with pytest.raises(UserError, match=r"has a clip_embedding, with which a video .* give a sound or words"):
        Retriever(dataset, device="cpu").retrieve(Query(video=tmp_path / "film.mp4"))
