"""The music that bridges lead to: clips of a dataset, and files of the user."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile

from leitmotif.generators.bridges.bridges import Track
from leitmotif.media.audio import extract_flac
from leitmotif.media.errors import MediaError
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.phrases import command, no_such_file
from leitmotif.retrieval.query import LIMIT_S, SILENCE_DB
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import UserError
from leitmotif.training.loader.decode import Audio, decode_blocks


class Library:
    """The clips of a dataset, by their ids.

    Args:
        dataset: The dataset.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    @cached_property
    def _places(self) -> dict[str, int]:
        ids = self.dataset.table(columns=["clip_id"])["clip_id"].to_pylist()
        return {clip_id: place for place, clip_id in enumerate(ids)}

    def sound(self, clip_id: str, longest_s: float) -> tuple[Audio, str]:
        """Return the sound of a clip from its beginning, and the SHA-256 of its file.

        Args:
            clip_id: The clip.
            longest_s: More is not decoded.

        Raises:
            UserError: There is no such clip, or its sound cannot be read.
        """
        found = self._file(clip_id)
        try:
            blocks = [*decode_blocks(found, longest_s)]
            if not blocks:
                raise ValueError("it has no sound")
            samples = np.concatenate([block.samples for block in blocks], axis=1)
            return Audio(samples, blocks[0].rate_hz), hashlib.sha256(found).hexdigest()
        except ValueError as error:
            raise DatasetError(
                f"the sound of clip {clip_id} cannot be read ({error}); run "
                f"`{command('validate', self.dataset.path)}`, and publish or copy the dataset again"
            ) from error

    def digest(self, clip_id: str) -> str:
        """Return the SHA-256 of the sound of a clip."""
        return hashlib.sha256(self._file(clip_id)).hexdigest()

    def style(self, clip_id: str) -> np.ndarray:
        """Return the CLAP embedding of a clip's sound, of length 1, float32 (dim,).

        Raises:
            UserError: There is no such clip, or it has none.
        """
        found = self._row(clip_id, "clap_embedding")
        if found is None:
            raise UserError(
                f"clip {clip_id} of {str(self.dataset.path)!r} has no clap_embedding; take another"
            )
        vector = np.asarray(found, np.float32)
        unit: np.ndarray = vector / max(float(np.linalg.norm(vector)), 1e-12)
        return unit

    def _file(self, clip_id: str) -> bytes:
        found: dict[str, bytes | None] = self._row(clip_id, "audio") or {}
        return found.get("bytes") or b""

    def _row(self, clip_id: str, column: str) -> Any:
        if clip_id not in self._places:
            raise UserError(
                f"got clip {clip_id!r}, which {str(self.dataset.path)!r} does not hold; take another"
            )
        return self.dataset.row(self._places[clip_id], [column]).get(column)


def read_reference(path: Path, longest_s: float, worker: SandboxedWorker) -> Audio:
    """Return the sound of a file, stereo, 44.1 kHz, from its beginning.

    Args:
        path: A file with sound.
        longest_s: More is not decoded.
        worker: The process that decodes.

    Raises:
        UserError: It is missing, has no sound, or is silent.
    """
    if not path.is_file():
        said = "it is a folder" if path.is_dir() else no_such_file(path)
        raise UserError(f"got reference {str(path)!r}: {said}; expected a file of music")
    with TemporaryDirectory(prefix="leitmotif-reference-") as scratch:
        out = Path(scratch) / "reference.flac"
        try:
            facts = worker.run(
                extract_flac,
                path,
                out,
                duration_s=longest_s,
                limit_s=LIMIT_S + 2.0 * longest_s,
                writes=Path(scratch),
            )
        except MediaError as error:
            raise UserError(f"got reference {str(path)!r}: {error}") from error
        if facts.level_db <= SILENCE_DB:
            raise UserError(
                f"the first {facts.duration_s:.1f} s of the reference {str(path)!r} are silent "
                f"({facts.level_db:.0f} dB); give music that is heard"
            )
        samples, rate_hz = soundfile.read(out, dtype="float32", always_2d=True)
    return Audio(np.ascontiguousarray(samples.T), int(rate_hz))


def track_of_file(path: Path) -> Track:
    """Return a file of the user's as a track.

    Raises:
        UserError: There is no such file.
    """
    if not path.is_file():
        said = "it is a folder" if path.is_dir() else no_such_file(path)
        raise UserError(f"got reference {str(path)!r}: {said}; expected a file of music")
    return Track(file=str(path.absolute()), sha256=sha256_of(path), reasons=("given by the user",))
