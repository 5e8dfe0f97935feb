"""Clips found by sentences: an index has them embedded by an encoder, once, and says which one answered."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from leitmotif.cli.main import main
from leitmotif.encoders.embeddinggemma import EmbeddingGemmaEncoder
from leitmotif.encoders.ms_clap import MsClapEncoder
from leitmotif.retrieval.build import build
from leitmotif.retrieval.index import Index
from leitmotif.retrieval.query import Query
from leitmotif.retrieval.retriever import Retriever
from leitmotif.retrieval.sound import flac_windows, mean_direction
from leitmotif.retrieval.spaces import space_named
from leitmotif.shards.dataset import Dataset
from leitmotif.storage.documents import yaml_text
from leitmotif.storage.errors import UserError
from leitmotif.weights.wheel_table import MINILM
from tests.encoders.gemma_files import save_random_gemma
from tests.encoders.msclap_files import write_tiny_msclap, write_tokenizer
from tests.retrieval.conftest import Library
from tests.retrieval.known_rows import STAGES, a_row, model_id, write_dataset

CAPTIONS = ("a calm piano piece", "loud rock with drums", "slow jazz at night", "a choir", "drums and bass")


@pytest.fixture(scope="module")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("gemma")
    save_random_gemma(folder)
    return f"embeddinggemma={folder}"


def rows(*captions: str | None, first: int = 0) -> list[dict]:
    """Rows with captions, and neither sound nor pictures."""
    return [a_row(number, caption=caption) for number, caption in enumerate(captions, start=first)]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_words_find_captions_by_the_encoder_of_the_index_which_is_said(tmp_path: Path, gemma: str) -> None:
    dataset = Dataset(write_dataset(tmp_path / "ds", rows(*CAPTIONS, None)))
    done = build(dataset, encoders=[gemma], device="cpu")
    assert done.vectors == {"embeddinggemma": 5}
    found = Retriever(dataset, device="cpu").retrieve(Query(text="quiet music"), 5)
    encoder = EmbeddingGemmaEncoder(gemma.partition("=")[2]).load()
    cosines = encoder.embed_captions(CAPTIONS) @ encoder.embed_texts(["quiet music"])[0]
    order = np.argsort(-cosines, kind="stable")
    assert [hit.clip_id for hit in found.broad] == [f"{number:032x}" for number in order]
    assert [hit.score for hit in found.broad] == pytest.approx(cosines[order], abs=1e-5)
    (reason,) = found.broad[0].reasons
    assert reason == f"is described like the words (embeddinggemma {cosines.max():.2f})"
    (note,) = found.notes
    assert note.startswith(f"the words were compared with the captions by {gemma.partition('=')[2]}@sha256:")
    assert note.endswith(", too")


def test_what_was_embedded_before_is_not_embedded_again(
    tmp_path: Path, gemma: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, index = tmp_path / "ds", tmp_path / "index"
    build(Dataset(write_dataset(folder, rows(*CAPTIONS))), index, encoders=[gemma], device="cpu")
    seen: list[str] = []
    embed = EmbeddingGemmaEncoder.embed_captions

    def watch(self: EmbeddingGemmaEncoder, captions: list[str]) -> np.ndarray:
        seen.extend(captions)
        return embed(self, captions)

    monkeypatch.setattr(EmbeddingGemmaEncoder, "embed_captions", watch)
    write_dataset(folder, [*rows(CAPTIONS[0], "another caption", CAPTIONS[2]), *rows("new", first=9)])
    done = build(Dataset(folder), index, device="cpu")  # by the encoder that it was made with
    assert (done.added, done.removed, done.vectors["embeddinggemma"]) == (1, 2, 4)
    assert seen == ["another caption", "new"]
    build(Dataset(folder), tmp_path / "anew", encoders=[gemma], device="cpu")
    assert content(index) == content(tmp_path / "anew")
    assert not build(Dataset(folder), index, device="cpu").written


def test_another_model_embeds_everything_again_and_none_leaves_it(
    tmp_path: Path, gemma: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    save_random_gemma(other, seed=1)
    dataset = Dataset(write_dataset(tmp_path / "ds", rows(*CAPTIONS)))
    space = space_named("embeddinggemma")
    vectors = []
    for encoder in (gemma, f"embeddinggemma={other}"):
        build(dataset, encoders=[encoder], device="cpu")
        vectors.append(Index(dataset).vectors(space).exact.vectors)
    assert not np.allclose(*vectors, atol=1e-2)
    assert build(dataset, encoders=["none"]).vectors == {}
    assert not (dataset.path / "index" / "embeddinggemma.parquet").exists()


def test_an_index_of_an_older_version_is_read_and_kept(library: Library, tmp_path: Path) -> None:
    shutil.copytree(library.dataset.path, tmp_path / "ds")
    dataset = Dataset(tmp_path / "ds")
    facts = dataset.path / "index" / "index.json"
    older = json.loads(facts.read_text())
    del older["encoders"]
    facts.write_text(json.dumps(older))
    found = Retriever(dataset, device="cpu").retrieve(Query(text="calm"), 2)
    assert [len(hit.reasons) for hit in found.broad] == [2, 2]
    assert not found.notes
    assert not build(dataset).written


def test_the_querys_own_recording_is_not_found_by_words_either(
    library: Library, tmp_path: Path, gemma: str
) -> None:
    table = library.dataset.table().to_pylist()
    for row, recording in zip(table, "aabbcc", strict=True):
        row |= {"recording_id": recording}
    dims = len(table[0]["clap_embedding"]), len(table[0]["clip_embedding"])
    dataset = Dataset(write_dataset(tmp_path / "ds", table, dims=dims))
    build(dataset, encoders=[gemma], device="cpu")
    ids = [row["clip_id"] for row in table]
    query = Query(audio=library.sounds[2], text=table[2]["caption"])
    found = Retriever(dataset, device="cpu").retrieve(query, 10)
    assert set(found.own) == {ids[2], ids[3]}
    assert {hit.clip_id for hit in found.broad} == {ids[0], ids[1], ids[4], ids[5]}
    assert set(found.broad[0].cosines) == {
        "the sound by clap",
        "the words by clap",
        "the words by clip",
        "the words by embeddinggemma",
    }


def test_where_ms_clap_judged_the_sound_it_finds_it_by_words(library: Library, tmp_path: Path) -> None:
    write_tiny_msclap(tmp_path / "ms.pth")
    own = {"model": str(tmp_path / "ms.pth"), "tokenizer": write_tokenizer(tmp_path / "gpt2")}
    table = [row | {"clip_embedding": None} for row in library.dataset.table().to_pylist()]
    for row, sound in zip(table, library.sounds, strict=True):
        row["audio"] = {"bytes": sound.read_bytes(), "path": f"{row['clip_id']}.flac"}
    table[5]["audio"]["bytes"] = b"no sound"
    folder = write_dataset(tmp_path / "ds", table, dims=(len(table[0]["clap_embedding"]), 4))
    stages = {**STAGES, "quality": {"backend": "ms-clap", **own}}
    (folder / "recipe.yaml").write_text(yaml_text({"version": "0.1.0", "stages": stages}))
    dataset = Dataset(folder)
    done = build(dataset, encoders=["ms-clap"], device="cpu")
    assert done.vectors["ms-clap"] == 5
    assert "1 clip left out of ms-clap: their audio cannot be read" in done.notes[1]
    found = Retriever(dataset, device="cpu").retrieve(Query(text="a fast rock song"), 6)
    encoder = MsClapEncoder(**own).load()
    windows = [flac_windows(path, encoder) for path in library.sounds[:5]]
    vectors = np.stack([mean_direction(encoder.embed_windows(each)) for each in windows])
    order = np.argsort(-(vectors @ encoder.embed_texts(["a fast rock song"])[0]), kind="stable")
    assert [hit.clip_id for hit in found.broad] == [table[place]["clip_id"] for place in order]
    assert found.broad[0].reasons[0].startswith("sounds like the words (ms-clap ")
    (note,) = found.notes
    assert "compared with the sound by " in note
    assert note.endswith(f"which is better at sentences than {model_id('tagging')}")


def test_without_its_weights_the_encoder_that_suits_the_dataset_is_named(tmp_path: Path) -> None:
    dataset = Dataset(write_dataset(tmp_path / "ds", rows(*CAPTIONS)))
    note = build(dataset).notes[-1]
    assert "`leitmotif fetch-models --only minilm`" in note
    stages = {**STAGES, "quality": {"backend": "ms-clap"}}
    (dataset.path / "recipe.yaml").write_text(yaml_text({"version": "0.1.0", "stages": stages}))
    note = build(Dataset(dataset.path)).notes[-1]
    assert "`leitmotif fetch-models --only ms-clap`" in note and "the sound" in note


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        ("word2vec", "got encoder 'word2vec'; expected one of embeddinggemma, minilm, ms-clap, pe-av"),
        ("minilm=there", "minilm has one model only: give minilm"),
        ("minilm", "run `leitmotif fetch-models --only minilm`"),
        ("embeddinggemma=./nowhere", "got model './nowhere', and no such folder exists"),
    ],
)
def test_an_encoder_that_is_not_here_is_one_line(
    tmp_path: Path, encoder: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_dataset(tmp_path / "ds", rows(*CAPTIONS))
    assert main(["index", str(folder), "--encoder", encoder, "--device", "cpu"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("leitmotif: error:") == 1
    assert not (folder / "index").exists()


def test_none_and_an_encoder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="got none and minilm as encoders; expected none alone"):
        build(Dataset(write_dataset(tmp_path / "ds", rows("x"))), encoders=["none", "minilm"])


@pytest.mark.slow
def test_minilm_finds_captions_that_say_it_in_other_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fetched_models: Path
) -> None:
    if MINILM.missing():
        pytest.skip("minilm is not fetched; run `leitmotif fetch-models --only minilm`")
    captions = (
        "Calm, this classical piece features piano at about 60 BPM.",
        "A saxophone plays slow jazz, evoking a late night.",
        "Played at a quick pace of about 150 BPM, this energetic metal track features electric guitar.",
        "A joyful folk song with accordion and hand claps.",
    )
    dataset = Dataset(write_dataset(tmp_path / "ds", rows(*captions)))
    assert build(dataset, device="cpu").vectors["minilm"] == 4  # without being asked, as it is here
    retriever = Retriever(dataset, device="cpu")
    asked = (
        "quiet, peaceful keyboard music",
        "a smoky bar after midnight",
        "heavy music for headbanging",
        "a village dance",
    )
    for number, words in enumerate(asked):
        found = retriever.retrieve(Query(text=words), 1)
        assert found.broad[0].clip_id == f"{number:032x}", words
        assert found.broad[0].reasons[0].startswith("is described like the words (minilm ")
