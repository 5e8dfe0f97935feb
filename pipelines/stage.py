"""What a stage is: one measurement, over clips, into a store of its own."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from leitmotif.media.probe import LONGEST_S
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.catalog_row import SourceState
from leitmotif.pipelines.media_files import check_file, describe_file
from leitmotif.pipelines.plan import Plan
from leitmotif.storage.atomic import whole_file
from leitmotif.storage.errors import is_machine_fault

# Silence in FLAC and Opus takes more.
LEAST_BYTES_S = 100.0

Row = dict[str, Any]
KeyedBy = Literal["clip_id", "media_id"]


class StageSettings(BaseModel):
    """Base of every stage's settings: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def beside(cls) -> Mapping[str, Any]:
        """Return what else may be set, by name: the settings that only some backend takes."""
        return {}


SettingsT = TypeVar("SettingsT", bound=StageSettings)


class DecoderSettings(StageSettings):
    """Settings of a stage that decodes media: how long one call may take, beyond the media's own length."""

    limit_s: float = 60.0


@dataclass(frozen=True)
class Clip:
    """One clip on its way through the stages.

    Attributes:
        clip_id: Hash of the media bytes and the window.
        path: The media file.
        start_s: Where the window starts in it.
        duration_s: Length of the window; None is all the rest.
        metadata: What the source says of it (`title`, `artist`, `description`, `comments`).
        inputs: The columns of the stages that this one reads, by stage name.
        source: The state in which the media file was catalogued, where it was.
    """

    clip_id: str
    path: Path
    start_s: float = 0.0
    duration_s: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Row] = field(default_factory=dict)
    source: SourceState | None = None

    @property
    def window(self) -> dict[str, Any]:
        """The window as the keyword arguments of the functions in `media`."""
        return {"start_s": self.start_s, "duration_s": self.duration_s}


@dataclass(frozen=True)
class StageContext:
    """Where a stage works: the workspace, its own folder for files, and the process that decodes for it."""

    workspace: Path
    files: Path
    scratch: Path
    decoder: SandboxedWorker

    @contextmanager
    def new_file(self, clip_id: str, suffix: str) -> Iterator[Path]:
        """Give a path to write to; the file takes its final name once the block ends without an error."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.files.mkdir(parents=True, exist_ok=True)
        beside = self.scratch / f"{clip_id}-{uuid.uuid4().hex[:8]}{suffix}"
        with whole_file(self.files / f"{clip_id}{suffix}", beside=beside):
            yield beside

    def file_of(self, clip: Clip, stage: str) -> Path:
        """Return the file that a stage which the clip's stage reads wrote of it, such as its track.

        Raises:
            DamagedError: It is missing, or not the one that was written.
        """
        return check_file(self.workspace, clip.inputs[stage])

    def describe(self, clip_id: str, suffix: str) -> Row:
        """Return the columns `FILE_COLUMNS` of a clip's file that was written."""
        return describe_file(self.workspace, self.files / f"{clip_id}{suffix}")


class Stage(Protocol):
    """One measurement. A class of this shape in `pipelines/stages` is all that a new stage needs.

    Attributes:
        NAME: Of its section in the settings and of its store.
        VERSION: Raised whenever the same input would give other numbers.
        READS: Stages whose columns it gets in `Clip.inputs`; "track" stands for the recipe's audio stage.
        MAY_READ: Stages whose columns it gets, too, where the recipe names them before it. Of a class that
            does not say it, none (`may_read`).
        COLUMNS: What it stores.
        BATCH: Clips a task takes at once; what is lost at most when a machine dies.
        KEYED_BY: What its rows are of: each clip, or the whole media file, whatever windows are cut of it. A
            class that does not say it measures clips (`keyed_by`).
        STORED_AS: What stands for its name in its fingerprint and its folder: a stage that is renamed keeps
            its stores. Of a class that does not say it, its name (`stored_as`).
    """

    NAME: ClassVar[str]
    VERSION: ClassVar[int]
    READS: ClassVar[tuple[str, ...]]
    MAY_READ: ClassVar[tuple[str, ...]]
    SETTINGS: ClassVar[type[StageSettings]]
    COLUMNS: ClassVar[pa.Schema]
    BATCH: ClassVar[int]
    KEYED_BY: ClassVar[KeyedBy] = "clip_id"
    STORED_AS: ClassVar[str]

    def __init__(self, plan: Plan) -> None:
        """Take the settings; nothing is loaded yet."""

    def model(self) -> str | None:
        """Return `id@revision` of the model behind the numbers; None where there is none."""

    def identity(self) -> Mapping[str, Any]:
        """Return everything beside the model that changes the numbers."""

    def open(self, context: StageContext) -> None:
        """Load models and note where to work."""

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Return for each clip, in order, its columns or the error that befell it."""


def keyed_by(stage: type[Stage]) -> KeyedBy:
    """Return the id that keys the rows of a stage; `clip_id` where its class does not say."""
    return getattr(stage, "KEYED_BY", "clip_id")


def may_read(stage: type[Stage]) -> tuple[str, ...]:
    """Return the stages that a stage reads where there are any; none where its class does not say it."""
    return getattr(stage, "MAY_READ", ())


def stored_as(stage: type[Stage]) -> str:
    """Return the name that a stage has in its fingerprint and in the folder of its store."""
    return getattr(stage, "STORED_AS", stage.NAME)


def one_by_one(function: Callable[[Clip], Row], clips: Sequence[Clip]) -> Iterator[Row | Exception]:
    """Measure clips one at a time, so that no clip's numbers or errors touch another's.

    Raises:
        Exception: Only what is the machine's fault rather than a clip's, such as a full disk.
    """
    for clip in clips:
        try:
            yield function(clip)
        except Exception as error:
            if is_machine_fault(error):
                raise
            yield error


class ClipByClipStage(ABC, Generic[SettingsT]):
    """What stages without a model share: they measure clips one at a time, and their settings say how.

    Attributes:
        settings: The stage's section of the plan.
        track: The stage whose audio is described.
        context: Where the stage works, once it is open.
    """

    NAME: ClassVar[str]
    SETTINGS: ClassVar[type[StageSettings]]

    def __init__(self, plan: Plan) -> None:
        self.settings: SettingsT = self.SETTINGS(**plan.stages[self.NAME])  # type: ignore[assignment]
        self.track = plan.track

    @abstractmethod
    def measure_clip(self, clip: Clip) -> Row:
        """Return the columns of one clip."""

    def model(self) -> None:
        """Return None: there is none."""

    def identity(self) -> Mapping[str, Any]:
        """Return the settings."""
        return settings_identity(self.settings)

    def open(self, context: StageContext) -> None:
        """Note where to work."""
        self.context = context

    def measure(self, clips: Sequence[Clip]) -> Iterable[Row | Exception]:
        """Return for each clip, in order, its columns or the error that befell it."""
        return one_by_one(self.measure_clip, clips)


def settings_identity(settings: BaseModel) -> dict[str, Any]:
    """Return the settings that change the numbers: all but the time limit and the device."""
    return settings.model_dump(mode="json", exclude={"limit_s", "device"})


def limit_of(settings: DecoderSettings, clip: Clip) -> float:
    """Return how long a decoder call on this clip may take, in seconds: the limit plus twice its length.

    A length that the bytes of the file cannot hold is no length.
    """
    probe = clip.inputs.get("probe", {})
    length_s = float(clip.duration_s or probe.get("duration_s") or 0.0)
    with suppress(OSError):  # which the decoder says why
        length_s = min(length_s, clip.path.stat().st_size / LEAST_BYTES_S)
    return settings.limit_s + 2.0 * min(length_s, LONGEST_S)
