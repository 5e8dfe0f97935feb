"""A small indexed dataset of rendered music, embedded by the models that ship."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.music.render import render_music
from leitmotif.retrieval.build import build
from leitmotif.retrieval.query import embed_pictures, embed_sound
from leitmotif.retrieval.spaces import CLAP, CLIP, Encoders, Model
from leitmotif.shards.clip_ids import hash_media
from leitmotif.shards.dataset import Dataset
from tests.retrieval.known_rows import STAGES, a_row, model_id, write_dataset

RATE_HZ = 44_100
GENRES = ("rock", "rock", "jazz", "jazz", "folk", "folk")
TEMPI = (70.0, 130.0, 70.0, 130.0, 100.0, 100.0)


@dataclass(frozen=True)
class Library:
    """The dataset, and the sounds and pictures that it was made of, in its order."""

    dataset: Dataset
    sounds: list[Path]
    pictures: list[Path]


def models() -> dict[str, Model]:
    return {
        space.name: Model(model_id(space.stage), space.adapter, {"model": STAGES[space.stage]["model"]})
        for space in (CLAP, CLIP)
    }


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("library")
    encoders = Encoders(models(), "cpu")
    sounds, pictures, rows = [], [], []
    with SandboxedWorker() as worker:
        for number, (genre, tempo_bpm) in enumerate(zip(GENRES, TEMPI, strict=True)):
            sounds.append(folder / f"{number}.flac")
            mix = render_music(number, duration_s=4.0, rate_hz=RATE_HZ, vocals=False).mix
            soundfile.write(sounds[-1], np.asarray(mix).T, RATE_HZ)
            pictures.append(folder / f"{number}.png")
            rng = np.random.default_rng(number)
            small = Image.fromarray(rng.integers(0, 256, (3, 4, 3), np.uint8))
            small.resize((320, 240), Image.Resampling.NEAREST).save(pictures[-1])
            tempo_class = "slow" if tempo_bpm < 90 else "medium" if tempo_bpm < 120 else "fast"
            rows.append(
                a_row(
                    number,
                    clip_id=hash_media(sounds[-1]),
                    clap_embedding=embed_sound(sounds[-1], encoders.of(CLAP), worker),
                    clip_embedding=embed_pictures([pictures[-1].read_bytes()], encoders.of(CLIP)),
                    genres=[{"tag": genre, "score": 0.6}],
                    moods=[{"tag": "calm", "score": 0.5}] if number % 2 else [],
                    tempo_bpm=tempo_bpm,
                    tempo_class=tempo_class,
                )
            )
    dims = len(rows[0]["clap_embedding"]), len(rows[0]["clip_embedding"])
    dataset = Dataset(write_dataset(folder / "dataset", rows, dims=dims))
    build(dataset)
    return Library(Dataset(dataset.path), sounds, pictures)
