"""Music from Python: for a film, a picture or a text, with everything that it follows from."""

from __future__ import annotations

import logging
import os
import weakref
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leitmotif.api.dataset import Dataset
from leitmotif.api.progress import progress as show_progress
from leitmotif.api.tables import draw_facts, say_facts
from leitmotif.generators.bridges.bridges import Bridges, read_bridges
from leitmotif.pipelines.describing import one_line_errors
from leitmotif.pipelines.generating import MusicMaker
from leitmotif.storage.errors import UserError
from leitmotif.weights.device import AUTO, checked_device

if TYPE_CHECKING:
    import numpy as np

logger = logging.getLogger("leitmotif.generate")

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Music:
    """A piece that was made.

    Attributes:
        samples: float32 (channels, samples), -1..1.
        rate_hz: Sampling rate.
        bridges: Everything that it follows from.
    """

    samples: np.ndarray
    rate_hz: int
    bridges: Bridges
    _maker: MusicMaker

    def save(self, path: PathLike, *, mux: PathLike | None = None) -> Path:
        """Write it as `.wav` or `.flac`, its bridges beside it as `.json`, and return the file.

        Args:
            path: Where to.
            mux: Where the film with the music in place of its sound goes.

        Raises:
            UserError: It cannot be written there, or was not made for a film.
            OutsideError: The disk refused.
        """
        from leitmotif.generators.bridges.output import Place, check_film, check_outputs, write_piece
        from leitmotif.training.loader.decode import Audio

        given, worker = self.bridges.given, self._maker.worker
        place = Place(Path(path), None if mux is None else Path(mux))
        film = None if given.video is None else Path(given.video)
        if place.film is not None and film is None:
            raise UserError(f"got mux={str(mux)!r}, and the music was not made for a film; give one as video")
        files = [each for each in (given.video, given.image, given.reference) if each is not None]
        check_outputs(place, map(Path, files))
        with one_line_errors():
            if place.film is not None and film is not None:
                check_film(film, place.film.suffix, worker)
            audio = Audio(self.samples, self.rate_hz)
            write_piece(place, audio, self.bridges, worker, film=film, device=self._maker.device)
        return place.sound

    def __repr__(self) -> str:
        seconds = self.samples.shape[1] / self.rate_hz
        return f"Music({seconds:.1f} s at {self.rate_hz} Hz, seed {self.bridges.seed})"


class MusicGenerator:
    """A trained model that makes music.

    Attributes:
        path: Folder of the run that trained it.
    """

    def __init__(
        self,
        path: PathLike,
        *,
        dataset: Dataset | PathLike | None = None,
        describe: PathLike | None = None,
        device: str = AUTO,
    ) -> None:
        """Open it; weights are loaded when it is first asked.

        Args:
            path: The run's folder.
            dataset: An indexed dataset, in which music to follow is found.
            describe: Run of a description model, which is shown films and pictures.
            device: "cpu", "cuda", "cuda:N" or "auto".

        Raises:
            UserError: The folder is no such run, or there is no such device.
        """
        from leitmotif.generators.ecmg.settings import Settings
        from leitmotif.training.settings import read_settings

        self.path = Path(path)
        self._settings = read_settings(self.path, Settings)
        self._dataset = dataset.path if isinstance(dataset, Dataset) else dataset
        self._describe = describe
        self._device = checked_device(device)

    def find(
        self,
        *,
        video: PathLike | None = None,
        image: PathLike | None = None,
        text: str | None = None,
        reference: PathLike | None = None,
        genre: str | None = None,
        mood: str | None = None,
        instrument: str | None = None,
        tempo: str | None = None,
        seconds: float | None = None,
        seed: int = 0,
        strength: float = 1.0,
        steps: int | None = None,
        cfg: float | None = None,
    ) -> Bridges:
        """Return the bridges of a piece, to be looked at and changed (`bridges.changed(text=…)`).

        What is to be known of them, such as a film longer than the music can be, is logged as a warning.

        Args:
            video: A film.
            image: A picture.
            text: What the music is to be like.
            reference: Music to follow, in place of what would be found.
            genre: What it is to have: a label, or a synonym; so are mood and instrument.
            mood: See `genre`.
            instrument: See `genre`.
            tempo: "slow", "medium" or "fast".
            seconds: Length; that of the film by default, or the longest that the model makes.
            seed: Another one gives another piece.
            strength: How much the music is followed; 1 as in training.
            steps: Steps from noise to sound; the run's by default.
            cfg: How much all that is given is followed; the run's by default.

        Raises:
            UserError: Something given is of no use; one line.
            OutsideError: A device's memory is full.
        """
        from leitmotif.generators.bridges.find import Wish

        files = {"video": video, "image": image, "reference": reference}
        wish = Wish(
            **{name: None if path is None else Path(path) for name, path in files.items()},
            text=text,
            genre=genre,
            mood=mood,
            instrument=instrument,
            tempo=tempo,
            seconds=seconds,
            seed=seed,
            strength=strength,
        )
        with one_line_errors():
            found = self._maker.find(wish)
        for note in found.notes:
            logger.warning(note)
        return found.bridges.changed(steps=steps, guidance=cfg)

    def make(self, bridges: Bridges | PathLike, *, progress: bool = True) -> Music:
        """Return the music of bridges, or of a file of them; the same ones give the same music.

        Args:
            bridges: What `find` gave, or a `.json` beside a piece.
            progress: Show how far it is.

        Raises:
            UserError: A clip or a file is not what it was, or the model cannot make it.
            OutsideError: A device's memory is full.
        """
        if not isinstance(bridges, Bridges):
            bridges = read_bridges(Path(bridges))
        with one_line_errors(), show_progress(progress) as tell:
            maker, own = self._maker, bridges.changed(model=self._maker.model.facts)
            audio = maker.make(own, lambda step: tell("generate", step, own.steps))
        return Music(audio.samples, audio.rate_hz, own, maker)

    def generate(self, *, progress: bool = True, **wish: Any) -> Music:
        """Return music for what `find` takes, such as `video`, `text` or `tempo`.

        Args:
            progress: Show how far it is.
            wish: See `find`.

        Raises:
            UserError: As of `find` and `make`.
        """
        return self.make(self.find(**wish), progress=progress)

    def __repr__(self) -> str:
        return say_facts("MusicGenerator", self.path, {"preset": self._settings.preset})

    def _repr_html_(self) -> str:
        return draw_facts(f"MusicGenerator {self.path}", {"preset": self._settings.preset})

    @cached_property
    def _maker(self) -> MusicMaker:
        maker = MusicMaker(
            self.path,
            dataset=None if self._dataset is None else Path(self._dataset),
            describe=None if self._describe is None else Path(self._describe),
            device=self._device,
        )
        weakref.finalize(maker, maker.worker.close)  # a piece that was made may outlive what made it
        return maker


def load_generator(path: PathLike, **options: Any) -> MusicGenerator:
    """Open a trained music generator; takes what `MusicGenerator` takes.

    Raises:
        UserError: The folder is no run of `leitmotif train ecmg`.
    """
    return MusicGenerator(path, **options)
