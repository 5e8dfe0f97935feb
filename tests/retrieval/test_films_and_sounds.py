"""An index by PE-AV: films, pictures, sounds and words are compared with the sound of clips."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leitmotif.encoders.pe_av import PeAvEncoder
from leitmotif.media.mux import Encoding, write_video
from leitmotif.retrieval.build import build
from leitmotif.retrieval.query import Query
from leitmotif.retrieval.retriever import Found, Retriever
from leitmotif.retrieval.sound import flac_windows, mean_direction
from leitmotif.shards.dataset import Dataset
from tests.encoders.pe_av_files import save_random_pe_av, stand_in_for_timm
from tests.retrieval.conftest import RATE_HZ, Library
from tests.retrieval.known_rows import write_dataset


@pytest.fixture(scope="module", autouse=True)
def timm() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        stand_in_for_timm(patch)
        yield


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> PeAvEncoder:
    folder = tmp_path_factory.mktemp("pe-av")
    save_random_pe_av(folder)
    return PeAvEncoder(str(folder)).load()


@pytest.fixture(scope="module")
def retriever(library: Library, encoder: PeAvEncoder, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    """The library without its pictures, and so a dataset of tracks alone."""
    table = library.dataset.table().to_pylist()
    for row, sound in zip(table, library.sounds, strict=True):
        row |= {"clip_embedding": None, "audio": {"bytes": sound.read_bytes(), "path": "clip.flac"}}
    folder = tmp_path_factory.mktemp("tracks") / "ds"
    dataset = Dataset(write_dataset(folder, table, dims=(len(table[0]["clap_embedding"]), 4)))
    done = build(dataset, encoders=[f"pe-av={encoder.model}"], device="cpu")
    assert done.vectors == {"clap": 6, "pe-av": 6}
    return Retriever(dataset, device="cpu")


@pytest.fixture(scope="module")
def sounds(library: Library, encoder: PeAvEncoder) -> np.ndarray:
    windows = [flac_windows(path, encoder) for path in library.sounds]
    return np.stack([mean_direction(encoder.embed_windows(each)) for each in windows])


def places(retriever: Retriever, found: Found) -> list[int]:
    ids = retriever.index.rows["clip_id"].to_pylist()
    return [ids.index(hit.clip_id) for hit in found.broad]


def test_a_picture_finds_the_sounds_that_are_nearest_to_it(
    library: Library, retriever: Retriever, encoder: PeAvEncoder, sounds: np.ndarray
) -> None:
    found = retriever.retrieve(Query(image=library.pictures[0]), 6)
    film = encoder.embed_film([Image.open(library.pictures[0])])
    assert places(retriever, found) == np.argsort(-(sounds @ film), kind="stable").tolist()
    assert found.broad[0].reasons[0].startswith("sounds like the picture (pe-av ")
    assert not found.notes


def test_a_silent_film_finds_music_in_a_dataset_of_tracks_alone(
    library: Library, retriever: Retriever, tmp_path: Path
) -> None:
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in library.pictures[:2]]
    silence = np.zeros((2, RATE_HZ), np.float32)
    write_video(tmp_path / "film.mp4", iter(pictures * 5), silence, fps=10.0, encoding=Encoding(crf=18))
    found = retriever.retrieve(Query(video=tmp_path / "film.mp4"), 3)
    assert len(found.broad) == 3
    assert found.broad[0].reasons[0].startswith("sounds like the video (pe-av ")


def test_a_sound_is_compared_by_both_models_and_never_finds_itself(
    library: Library, retriever: Retriever
) -> None:
    found = retriever.retrieve(Query(audio=library.sounds[3]), 6)
    assert sorted(places(retriever, found)) == [0, 1, 2, 4, 5]
    assert set(found.broad[0].cosines) == {"the sound by clap", "the sound by pe-av"}


def test_words_are_compared_with_the_sound_in_its_place(
    retriever: Retriever, encoder: PeAvEncoder, sounds: np.ndarray
) -> None:
    found = retriever.retrieve(Query(text="loud rock"), 6)
    cosines = sounds @ encoder.embed_texts(["loud rock"])[0]
    assert places(retriever, found) == np.argsort(-cosines, kind="stable").tolist()
    (note,) = found.notes
    assert "the words were compared with the sound by " in note and ", in place of clap-mini@" in note
