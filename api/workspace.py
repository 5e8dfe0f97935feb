"""Curating from Python, and what became of every clip, as tables."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leitmotif.api.progress import progress as show_progress
from leitmotif.api.settings import Settings, assignments
from leitmotif.api.tables import draw_facts, say_facts
from leitmotif.api.threads import own_threads
from leitmotif.pipelines import workspace as pipelines_workspace
from leitmotif.pipelines.curate import Summary
from leitmotif.pipelines.curate import curate as run_here
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.runs.read import latest_run
from leitmotif.pipelines.runs.status import Status, look
from leitmotif.pipelines.silence import silence_prefect
from leitmotif.pipelines.succession import next_plan
from leitmotif.reports.errors import one_line_errors
from leitmotif.reports.workspace import Unpublished, open_workspace
from leitmotif.reports.write import write_reports
from leitmotif.storage.errors import UserError
from leitmotif.weights.device import checked_device

if TYPE_CHECKING:
    import pyarrow as pa


class Workspace:
    """A workspace that was curated, under the plan of its last run.

    The tables show it as it was when the first of them was asked for; `load_workspace` looks again.

    Attributes:
        path: Folder of the workspace.
        summary: What the run did that returned it; None for one that was only opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, summary: Summary | None = None) -> None:
        """Open it.

        Raises:
            UserError: The folder is no workspace.
        """
        self.path = Path(path)
        self.summary = summary
        self._folder = pipelines_workspace.Workspace(self.path)
        self._folder.plan()

    @property
    def plan(self) -> Plan:
        """Stages, rules, thresholds, tags and splits, with every setting."""
        return self._folder.plan()

    @property
    def counts(self) -> dict[str, int]:
        """Clips catalogued, kept, rejected, quarantined and pending; the last four add up to the first."""
        return self._opened.ledger.counts()

    @property
    def clips(self) -> pa.Table:
        """Every clip: `clip_id`, `source`, `duration_s`, `fate`, `step`, `decoder`, the number of each rule.

        `step` is the rule or the stage that `fate` names; `decoder` is what read its sound, or else the file.
        A clip that was not measured has no number. Of the recipe "auto", `recipe` is the one a clip goes by.
        """
        import pyarrow as pa

        ordered = sorted(self._opened.ledger.entries, key=lambda entry: (entry.clip_id, entry.source.path))
        sources = pa.array([entry.source.path for entry in ordered], pa.string())
        return self._opened.measured().add_column(1, "source", sources).drop_columns(["stopped_at", "failed"])

    @property
    def rejected(self) -> pa.Table:
        """Clips that a rule rejects, with the rule, the value and the threshold."""
        return self._opened.side_table("rejected")

    @property
    def quarantined(self) -> pa.Table:
        """Clips that could not be measured, with the stage, the error and its message."""
        return self._opened.side_table("quarantine")

    def status(self) -> Status:
        """Return how far it is now: done, left, rate and failures of each stage; also while a run goes on."""
        return look(self._folder, latest_run(self._folder.root))

    def report(self) -> Path:
        """Write its report, and return the page.

        Raises:
            OutsideError: The disk refused; a former report is untouched.
        """
        with one_line_errors(self.path):
            write_reports(self.path)
        return self.path / "report.html"

    def __repr__(self) -> str:
        return say_facts("Workspace", self.path, self.counts)

    def _repr_html_(self) -> str:
        return draw_facts(f"Workspace {self.path}", self.counts)

    @cached_property
    def _opened(self) -> Unpublished:
        return open_workspace(self.path)


def curate(
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    out: str | os.PathLike[str] = "workspace",
    *,
    recipe: str | os.PathLike[str] | None = None,
    profile: str | os.PathLike[str] | None = None,
    plan: str | os.PathLike[str] | None = None,
    set: Settings | Sequence[str] | None = None,
    window_s: float | None = None,
    device: str | None = None,
    metadata: str | os.PathLike[str] | None = None,
    license: str | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    retry_failed: bool = False,
    measure_all: bool = False,
    progress: bool = True,
) -> Workspace:
    """Measure and judge every clip of folders of videos or tracks, into a workspace.

    What the workspace has is not measured again, so that the same call goes on after whatever stopped it. A
    workspace keeps its plan: what is left out here stays as its last run had it.

    One worker is this process. More of them are local processes, or those of a Dask cluster, and Prefect
    runs them: silent, and gone when the run ends; in a script keep the call under
    `if __name__ == "__main__":`, as with everything that starts processes.

    Args:
        sources: A folder or file, or several; none to go on with the workspace.
        out: The workspace's folder.
        recipe: "auto" (of a new workspace), "music-video", "music-track", or a YAML file.
        profile: The models: "embedded" (of a new workspace), "paper", or a YAML file.
        plan: A plan.yaml or a dataset's recipe.yaml to follow, in place of recipe and profile.
        set: Settings over both, such as `{"motion.threshold": 0.02}`.
        window_s: Length of the clips that sources are cut into, in seconds; 0 for whole sources.
        device: "cpu", "cuda", "cuda:N" or "auto" (of a new workspace).
        metadata: A table (CSV, JSON Lines) of title, artist, license, … of the files of the sources, without
            sources of all in the workspace; remembered for them, "" for none any more.
        license: Licence of those of them that state none, such as "CC-BY-4.0"; likewise.
        workers: Processes.
        scheduler: Address of a running Dask scheduler, such as "tcp://host:8786".
        retry_failed: Measure quarantined clips again.
        measure_all: Measure rejected clips as well, so that every threshold may move later.
        progress: Show how far it is.

    Returns:
        The workspace.

    Raises:
        UserError: A source or a setting is of no use; one line says which.
        OutsideError: Disk, network or a worker failed; what was measured is kept.
    """
    folder = pipelines_workspace.Workspace(Path(out))
    chosen = next_plan(
        folder.former_plan(),
        saved=None if plan is None else Path(plan),
        recipe=None if recipe is None else str(recipe),
        profile=None if profile is None else str(profile),
        settings=assignments(set),
        window_s=window_s,
        device=None if device is None else checked_device(device, elsewhere=scheduler is not None),
    )
    if workers < 1:
        raise UserError(f"workers is {workers}; expected 1 or more")
    given = [sources] if isinstance(sources, str | os.PathLike) else sources
    paths = [Path(source) for source in given]
    options: dict[str, Any] = {
        "retry_failed": retry_failed,
        "measure_all": measure_all,
        "metadata": None if metadata is None else str(metadata),
        "license": license,
    }
    with show_progress(progress) as tell, own_threads():
        if workers == 1 and not scheduler:
            summary = run_here(paths, folder, chosen, on_progress=tell, **options)
        else:
            summary = _run_flow(
                paths, folder, chosen, workers=workers, scheduler=scheduler, on_progress=tell, **options
            )
    return Workspace(out, summary=summary)


def load_workspace(path: str | os.PathLike[str]) -> Workspace:
    """Open a workspace that was curated.

    Raises:
        UserError: The folder is no workspace.
    """
    return Workspace(path)


def _run_flow(*given: Any, **options: Any) -> Summary:
    """Run on several workers, and undo how Prefect sets up logging."""
    silence_prefect()
    handlers, level = logging.root.handlers[:], logging.root.level
    from leitmotif.pipelines.flow import run_flow

    try:
        return run_flow(*given, **options)
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
