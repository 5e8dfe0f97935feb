"""What the tests of bridges share."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.generators.bridges.random_music import write_film, write_library, write_run


@dataclass(frozen=True)
class Room:
    """Files to make music of."""

    run: Path
    dataset: Path
    film: Path
    picture: Path
    reference: Path
    silence: Path


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    folder = tmp_path_factory.mktemp("room")
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 255, (40, 60, 3), np.uint8)).save(folder / "photo.png")
    soundfile.write(folder / "reference.wav", 0.2 * rng.standard_normal((44_100, 2)), 44_100)
    soundfile.write(folder / "silence.wav", np.zeros((44_100, 2)), 44_100)
    return Room(
        write_run(folder / "run"),
        write_library(folder / "dataset").path,
        write_film(folder / "film.mp4"),
        folder / "photo.png",
        folder / "reference.wav",
        folder / "silence.wav",
    )
