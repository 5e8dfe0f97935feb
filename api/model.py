"""The description model from Python: trained on a dataset, and asked about videos, pictures and texts."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from leitmotif.api.dataset import Dataset
from leitmotif.api.progress import progress as show_progress
from leitmotif.api.tables import draw_facts, say_facts
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.describing import one_line_errors, open_describer
from leitmotif.storage.errors import UserError
from leitmotif.train_mmdm.answer import Answer
from leitmotif.train_mmdm.describe import Describer, decoding_of
from leitmotif.train_mmdm.inputs import read_input, read_text
from leitmotif.train_mmdm.settings import choose_settings, read_settings
from leitmotif.train_mmdm.train import train as train_run
from leitmotif.weights.device import AUTO, checked_device


class DescriptionModel:
    """A trained model that describes the music that fits a video.

    Attributes:
        path: Folder of the run that trained it.
        summary: What the training did that returned it; empty for one that was only opened.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        device: str = AUTO,
        visuals: bool = False,
        summary: Mapping[str, Any] | None = None,
        **decoding: Any,
    ) -> None:
        """Open it; its weights are loaded when it is first asked.

        Args:
            path: The run's folder.
            device: "cpu", "cuda", "cuda:N" or "auto".
            visuals: Let it speak of the visual elements first.
            summary: What its training did; None for a model that is only opened.
            decoding: How words are chosen, over what the run says: `seed`, `greedy`, `top_k`, `top_p`,
                `temperature`, `max_tokens`.

        Raises:
            UserError: The folder is no run, there is no such device, or a value of `decoding` is of no use.
        """
        self.path = Path(path)
        self.summary = dict(summary or {})
        checked_device(device)
        self._options = {"device": device, "visuals": visuals, **decoding}
        with one_line_errors():
            self._settings = read_settings(self.path)
            decoding_of(
                self._settings, **decoding
            )  # refuses a wrong option now rather than behind the weights

    def describe(self, shown: str | os.PathLike[str] | None = None, *, text: str | None = None) -> Answer:
        """Return what it says: `description`, and the attributes that it speaks of.

        Args:
            shown: A video, a picture, or a folder of pictures.
            text: A poem, a scene or whatever the music is to fit, in its place.

        Raises:
            UserError: The input cannot be read, or the run lacks files.
            OutsideError: A device's memory is full.
        """
        if (shown is None) == (text is None):
            raise UserError("got neither a file nor a text, or both; give one of them")
        with one_line_errors():
            describer = self._describer
            if text is not None:
                given = read_text(text)
            else:
                given = read_input(Path(str(shown)), self._settings.frames, self._decoder)
            describer.check(given)
            return describer.describe([given])[0]

    def __repr__(self) -> str:
        return say_facts("DescriptionModel", self.path, {"preset": self._settings.preset})

    def _repr_html_(self) -> str:
        return draw_facts(f"DescriptionModel {self.path}", {"preset": self._settings.preset, **self.summary})

    @cached_property
    def _describer(self) -> Describer:
        return open_describer(self.path, **self._options)

    @cached_property
    def _decoder(self) -> SandboxedWorker:
        worker = SandboxedWorker()
        weakref.finalize(self, worker.close)
        return worker


def train(
    dataset: Dataset | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    preset: str | None = None,
    set: Mapping[str, object] | None = None,
    resume: bool = False,
    progress: bool = True,
) -> DescriptionModel:
    """Train a description model on a dataset.

    Args:
        dataset: The dataset, or its folder; its splits train and, if there is one, validation.
        out: The run's folder; it must not exist, unless `resume` is given.
        preset: "tiny" (the default), "internvl3-1b", … (docs/training.md).
        set: Other settings, such as `{"epochs": 3, "learning_rate": 4e-5}`.
        resume: Go on from the last checkpoint.
        progress: Show how far it is.

    Returns:
        The model of the run.

    Raises:
        UserError: The dataset or a setting is of no use.
        OutsideError: Disk, memory or a device failed; the last checkpoint is whole.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = dataset.path if isinstance(dataset, Dataset) else Path(dataset)
    changes = [f"{name}={_as_text(value)}" for name, value in (set or {}).items()]
    with one_line_errors("go on with resume"), show_progress(progress) as tell:
        # None: those of the run, or of the default preset.
        settings = choose_settings(preset, changes) if preset or changes else None
        summary = train_run(folder, Path(out), settings, resume=resume, on_progress=tell)
    return DescriptionModel(out, summary=summary)


def load_model(path: str | os.PathLike[str], **options: Any) -> DescriptionModel:
    """Open a trained description model; takes what `DescriptionModel` takes.

    Raises:
        UserError: The folder is no run.
    """
    return DescriptionModel(path, **options)


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | None) else str(value)
