"""Opening what makes music: the generator of a run, a dataset to look through, and a description model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leitmotif.extras import needs
from leitmotif.pipelines.describing import open_describer
from leitmotif.storage.errors import UserError
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.weights.device import resolve_device

if TYPE_CHECKING:
    from leitmotif.generators.bridges.bridges import Bridges
    from leitmotif.generators.bridges.find import FoundBridges, Wish
    from leitmotif.training.loader.decode import Audio


class MusicMaker:
    """Finds bridges and makes music of them; all models are loaded once. A context manager.

    Attributes:
        model: What the model of the run says of itself.
        worker: The process that reads files of media.
        device: Where models run.
    """

    def __init__(
        self,
        run: Path,
        *,
        dataset: Path | None = None,
        index: Path | None = None,
        describe: Path | None = None,
        device: str = "auto",
    ) -> None:
        """Load the model of a run.

        Args:
            run: What `leitmotif train ecmg` wrote.
            dataset: A dataset, in which music is found where it is indexed.
            index: Its index, where it does not lie in it.
            describe: What `leitmotif train mmdm` wrote.
            device: "cpu", "cuda", "cuda:N" or "auto".

        Raises:
            UserError: A folder is not what it is to be.
            OutsideError: The device has no room for the model.
        """
        if find_spec("diffusers") is None:
            raise UserError(needs("generating music", "diffusers", "generate"))
        from leitmotif.generators.ecmg.settings import Settings
        from leitmotif.shards.dataset import Dataset
        from leitmotif.training.settings import read_settings

        # A folder that is none is told before libraries are loaded, which takes many seconds.
        read_settings(run, Settings)
        self.dataset = None if dataset is None else Dataset(dataset)
        from transformers.utils import logging

        from leitmotif.generators.bridges.bridges import ModelFacts
        from leitmotif.generators.bridges.find import ModelLimits
        from leitmotif.generators.ecmg.generate import EcmgGenerator
        from leitmotif.media.sandbox import SandboxedWorker

        logging.disable_progress_bar()
        self.device = resolve_device(device)
        self._index, self._describe = index, describe
        self._generator = EcmgGenerator(run).load(self.device)
        model = self._generator.model
        self.model = ModelLimits(
            ModelFacts(run=str(run.absolute()), checkpoint=model.checkpoint.name, revision=model.revision()),
            self._generator.longest_s,
            model.settings.sampling_steps,
            model.settings.guidance,
        )
        self.worker = SandboxedWorker()

    def __enter__(self) -> MusicMaker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process that reads files."""
        self.worker.close()

    def find(self, wish: Wish) -> FoundBridges:
        """Return the bridges of a piece.

        Raises:
            UserError: As of `generators.bridges.find.BridgeFinder.find`; or the dataset has no index.
        """
        return self._finder.find(wish)

    def make(self, bridges: Bridges, on_step: Callable[[int], None] = lambda step: None) -> Audio:
        """Return the music of bridges.

        Args:
            bridges: Everything that it follows from.
            on_step: Called after each step with its number, from 1.

        Raises:
            UserError: As of `leitmotif.generators.bridges.compose.Composer.make`.
        """
        from leitmotif.generators.bridges.compose import Composer
        from leitmotif.generators.bridges.sounds import Library

        library = None if self.dataset is None else Library(self.dataset)
        generator = self._generator.sampling(bridges.steps, bridges.guidance)
        return Composer(generator, self.worker, library).make(bridges, on_step)

    def controllability(
        self, scope: Mapping[str, int], steps: int | None, guidance: float | None, on_progress: OnProgress
    ) -> dict[str, Any]:
        """Return what `leitmotif.generators.bridges.evaluate.Controllability` measures."""
        from leitmotif.generators.bridges.evaluate import Controllability, Scope

        generator = self._generator.sampling(
            self.model.steps if steps is None else steps,
            self.model.guidance if guidance is None else guidance,
        )
        measured = Controllability(
            generator, self._retriever, Scope(**scope), device=self.device, on_progress=on_progress
        )
        return measured.measure()

    @cached_property
    def _retriever(self) -> Any:
        from leitmotif.retrieval.retriever import Retriever

        return None if self.dataset is None else Retriever(self.dataset, self._index, device=self.device)

    @cached_property
    def _finder(self) -> Any:
        from leitmotif.generators.bridges.find import BridgeFinder

        return BridgeFinder(
            self.model,
            self.worker,
            retriever=self._retriever,
            describe=None if self._describe is None else self._said_of,
            describer=str(self._describe),
        )

    def _said_of(self, path: Path) -> str:
        """Return what the description model says of a film or picture."""
        from leitmotif.train_mmdm.inputs import read_input

        describer = self._describer
        shown = read_input(path, describer.model.settings.frames, self.worker)
        describer.check(shown)
        return str(describer.describe([shown])[0].description)

    @cached_property
    def _describer(self) -> Any:
        assert self._describe is not None
        return open_describer(self._describe, device=self.device)


def evaluate_generation(
    run: Path,
    dataset: Path,
    out: Path,
    *,
    index: Path | None = None,
    scope: Mapping[str, int] | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    device: str = "auto",
    on_progress: OnProgress = show_nothing,
) -> dict[str, Any]:
    """Measure whether the music of a run does what it is asked for; write and return the results.

    Args:
        run: What `leitmotif train ecmg` wrote.
        dataset: An indexed dataset.
        out: The folder of the results.
        index: The index, where it does not lie in the dataset.
        scope: How much is generated (`leitmotif.generators.bridges.evaluate.Scope`).
        steps: Steps from noise to sound; the run's by default.
        guidance: How much all conditions are followed; the run's by default.
        device: "cpu", "cuda", "cuda:N" or "auto".
        on_progress: Told how many pieces are made.

    Raises:
        UserError: A folder is not what it is to be, or a setting is of no use.
        OutsideError: The device has no room for the model.
    """
    from leitmotif.evaluation.results import check_target, write_document
    from leitmotif.generators.bridges.control_table import make_page

    check_target(out)
    with MusicMaker(run, dataset=dataset, index=index, device=device) as maker:
        figures = maker.controllability(scope or {}, steps, guidance, on_progress)
        facts = {"run": run.absolute().name, "dataset": dataset.absolute().name}
        document = {**facts, "model": maker.model.facts.revision, "scope": dict(scope or {}), **figures}
    write_document(out, document, make_page(document))
    return document
