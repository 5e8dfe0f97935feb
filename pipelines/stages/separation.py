"""Remove the singing voice."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import field_validator

from leitmotif.media import audio, flac
from leitmotif.pipelines.backend_settings import BackendSettings
from leitmotif.pipelines.media_files import FILE_COLUMNS
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.stage import Clip, Row, StageContext, one_by_one, settings_identity
from leitmotif.separation.separator import (
    INSTRUMENTAL,
    heard_db,
    instrumental,
    make,
    model_of,
    separate_blocks,
)
from leitmotif.separation.voice_level import VoiceMeter
from leitmotif.storage.errors import OutsideError, UserError

RATE_HZ = 44100  # of the FLAC that the stage `audio` wrote


class SeparationSettings(BackendSettings):
    """Which separator, on which device, and what is kept.

    Attributes:
        backend: A file of `separation`.
        device: Where it runs.
        keep_stems: Keep the stems, as CLIPID.vocals.flac and so on beside the instrumental.
        always: Take what the separator leaves also where it finds no voice; else the mix is kept there.
        model, repo, overlap, batch: Settings of the backend; None is its own value.
    """

    STAGE: ClassVar = "separation"

    backend: str = "repet"
    device: str = "cpu"
    keep_stems: bool = False
    always: bool = False
    model: str | None = None
    repo: str | None = None
    overlap: float | None = None
    batch: int | None = None

    @field_validator("repo")
    @classmethod
    def _anywhere(cls, repo: str | None) -> str | None:
        """Make a path absolute, so that workers and later commands elsewhere find the same folder."""
        return None if repo is None else str(Path(repo).expanduser().absolute())

    @property
    def of_backend(self) -> dict[str, Any]:
        """What the backend is made with."""
        own = {"model", "repo", "overlap", "batch", *self.own}
        return self.model_dump(include=own, exclude_none=True)


class SeparationStage:
    """The instrumental of a clip, as FLAC; the mix itself where no voice is heard."""

    NAME: ClassVar = "separation"
    VERSION: ClassVar = 4
    READS: ClassVar = ("audio",)
    SETTINGS: ClassVar = SeparationSettings
    BATCH: ClassVar = 4
    COLUMNS: ClassVar = pa.schema(
        [
            *FILE_COLUMNS,
            ("voice_db", pa.float32()),
            ("removed_db", pa.float32()),
            ("instrumental_db", pa.float32()),
        ]
    )

    def __init__(self, plan: Plan) -> None:
        self.settings = SeparationSettings(**plan.stages[self.NAME])

    def model(self) -> str:
        """Return the separator's id and revision."""
        return model_of(self.settings.backend, **self.settings.of_backend)

    def identity(self) -> Mapping[str, Any]:
        """Return the settings, but for where the weights lie (their checksums tell) and the batch."""
        identity = settings_identity(self.settings)
        return {name: value for name, value in identity.items() if name not in ("repo", "batch")}

    def open(self, context: StageContext) -> None:
        """Load the separator.

        Raises:
            UserError: Its weights are missing or damaged, or there is no such device.
        """
        self.context = context
        try:
            self.separator = make(self.settings.backend, **self.settings.of_backend)
            self.separator.load(self.settings.device)
        except (ValueError, LookupError) as error:
            raise UserError(f"{self.NAME}: {error}") from error

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Separate each clip."""
        return one_by_one(self._separate, clips)

    def _separate(self, clip: Clip) -> Row:
        mix = self.context.file_of(clip, "audio")
        names = self.separator.stems
        kept = [name for name in names if self.settings.keep_stems and name != INSTRUMENTAL]
        meter = VoiceMeter(RATE_HZ)
        # The instrumental takes its name last: once it is there, so are its stems.
        with self.context.new_file(clip.clip_id, ".flac") as path:
            with ExitStack() as files:
                write = files.enter_context(flac.open_flac(path, rate_hz=RATE_HZ))
                writes = {name: files.enter_context(self._file(clip, f".{name}.flac")) for name in kept}
                for stems in self._stems(audio.read_flac_blocks(mix)):
                    music = instrumental(stems, names)
                    meter.add(music, stems.sum(axis=0) - music)
                    write(music)
                    for name, write_stem in writes.items():
                        write_stem(stems[names.index(name)])
            heard = heard_db(self.separator)
            untouched = heard is not None and meter.voice_db < heard and not self.settings.always
            if untouched:
                shutil.copyfile(mix, path)
        level_db = meter.mix_db if untouched else meter.instrumental_db
        # What tells nothing of a voice does not tell either whether more than a voice is left.
        return {
            **self.context.describe(clip.clip_id, ".flac"),
            "voice_db": None if heard is None else meter.voice_db,
            "removed_db": None if heard is None else meter.mix_db - level_db,
            "instrumental_db": level_db,
        }

    def _stems(self, mix: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        try:
            yield from separate_blocks(mix, self.separator, RATE_HZ)
        except MemoryError as error:
            # Every clip needs the same: it is not this one's fault.
            raise OutsideError(f"{self.NAME}: {error or 'memory is exhausted'}") from error

    @contextmanager
    def _file(self, clip: Clip, suffix: str) -> Iterator[Callable[[np.ndarray], None]]:
        with (
            self.context.new_file(clip.clip_id, suffix) as path,
            flac.open_flac(path, rate_hz=RATE_HZ) as write,
        ):
            yield write
