"""The media that a survey shows: one folder of clips per system, and what each clip was made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from leitmotif.media.container import open_media
from leitmotif.media.errors import MediaError
from leitmotif.media.probe import Probe, probe
from leitmotif.storage.errors import UserError, one_line

# What every current browser plays.
VIDEO_SUFFIXES = (".mp4", ".webm")
AUDIO_SUFFIXES = (".m4a", ".mp3", ".ogg", ".opus", ".wav", ".flac")
VIDEO_CODECS = ("h264", "vp8", "vp9", "av1")
# A shorter name of a system would be found in any text.
SHORTEST_TOLD_NAME = 3


@dataclass(frozen=True)
class Stimulus:
    """One clip that every system made music for.

    Attributes:
        name: File name of the clip, the same in every system's folder.
        files: The clip's file of each system.
        seconds: Length of its longest version.
        video: The video that the music was made for, where the files are audio.
        prompt: The text that the music was made for.
    """

    name: str
    files: Mapping[str, Path]
    seconds: float
    video: Path | None = None
    prompt: str | None = None

    def media(self) -> list[tuple[str | None, Path]]:
        """Return every file with its system; None for the video."""
        return [*self.files.items(), *([(None, self.video)] if self.video else [])]


@dataclass(frozen=True)
class Material:
    """The clips of a survey, and what listeners see of them: "video", "text"."""

    systems: list[str]
    clips: list[Stimulus]
    shown: set[str]


def find_material(
    systems: Mapping[str, Path], *, videos: Path | None = None, prompts: Path | None = None
) -> Material:
    """Find the clips of all systems and check that a browser can play them.

    Args:
        systems: The folder of each system, by its name; files of one name are versions of one clip.
        videos: Folder of the videos that the music was made for, where the files are audio: of the same names
            but for the suffix.
        prompts: Folder of the texts that the music was made for: of the same names, ending in .txt.

    Raises:
        UserError: Fewer than two systems, a clip that one of them lacks, or a file that cannot be used.
    """
    if len(systems) < 2:
        raise UserError(f"got {len(systems)} system; a survey compares 2 or more, give a folder for each")
    names = _common_names(systems)
    probes = {name: {system: _probe(folder / name) for system, folder in systems.items()} for name in names}
    for name in names:
        for system, folder in systems.items():
            _check_silence_about(system, folder / name)
    pictures = {found.has_video for versions in probes.values() for found in versions.values()}
    if len(pictures) > 1:
        raise UserError("some files are videos and some are audio; give all as one or the other")
    moving = pictures == {True}
    if moving and videos:
        raise UserError("the files are videos already; leave out --videos")
    clips = [
        Stimulus(
            name=name,
            files={system: folder / name for system, folder in systems.items()},
            seconds=max(found.duration_s for found in probes[name].values()),
            video=_video_of(name, videos) if videos else None,
            prompt=_prompt_of(name, prompts) if prompts else None,
        )
        for name in names
    ]
    shown = {"video"} if moving or videos else set()
    return Material(list(systems), clips, shown | ({"text"} if prompts else set()))


def _common_names(systems: Mapping[str, Path]) -> list[str]:
    """Return the file names that every system has.

    Raises:
        UserError: A folder is missing or empty, or lacks a file that another one has.
    """
    found = {system: _clip_names(folder) for system, folder in systems.items()}
    everything = set().union(*found.values())
    for system, names in found.items():
        if lacking := sorted(everything - names):
            owner = next(other for other, others in found.items() if lacking[0] in others)
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            raise UserError(
                f"system {system!r} lacks {lacking[0]!r}{more}, which {owner!r} has; every system needs a "
                "file of the same name for every clip"
            )
    return sorted(everything)


def _clip_names(folder: Path) -> set[str]:
    try:
        files = [path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise UserError(f"folder {str(folder)!r} cannot be read ({error.strerror})") from error
    names = {name for name in files if Path(name).suffix.lower() in VIDEO_SUFFIXES + AUDIO_SUFFIXES}
    if not names:
        raise UserError(
            f"folder {str(folder)!r} holds no clip; expected files that browsers play "
            f"({', '.join(VIDEO_SUFFIXES + AUDIO_SUFFIXES)})"
        )
    return names


def _probe(path: Path) -> Probe:
    """Return what a clip's file is.

    Raises:
        UserError: It cannot be read, has no sound, or a picture that browsers do not show.
    """
    found = _look_into(path)
    if not found.has_audio:
        raise UserError(f"{str(path)!r} has no sound; expected a clip with music")
    return found


def _look_into(path: Path) -> Probe:
    """Return what a file is.

    Raises:
        UserError: It cannot be read, or has a picture that browsers do not show.
    """
    try:
        found = probe(path)
    except MediaError as error:
        raise UserError(f"{str(path)!r} cannot be used: {error}") from error
    codec = (found.video_codec or "").removeprefix("lib").replace("dav1d", "av1")
    if found.has_video and codec not in VIDEO_CODECS:
        raise UserError(
            f"{str(path)!r} has a {codec} picture, which browsers do not show; expected one of "
            f"{', '.join(VIDEO_CODECS)}, convert it with ffmpeg -c:v libx264"
        )
    return found


def _check_silence_about(system: str, path: Path) -> None:
    """See that a file does not tell listeners whose it is.

    Raises:
        UserError: Its metadata name the system.
    """
    if len(system) < SHORTEST_TOLD_NAME:
        return
    with open_media(path) as container:
        told = [container.metadata, *(stream.metadata for stream in container.streams)]
    for field, text in (pair for metadata in told for pair in metadata.items()):
        if system.lower() in text.lower():
            raise UserError(
                f"{str(path)!r} names its system in its metadata ({field}: {text[:60]!r}), which a listener "
                "could read; write it anew with ffmpeg -map_metadata -1 -c copy"
            )


def _video_of(name: str, folder: Path) -> Path:
    paths = [folder / f"{Path(name).stem}{suffix}" for suffix in VIDEO_SUFFIXES]
    for path in paths:
        if path.is_file():
            if not _look_into(path).has_video:
                raise UserError(f"{str(path)!r} has no moving picture; expected the video of clip {name!r}")
            return path
    raise UserError(
        f"no video for clip {name!r}; expected {' or '.join(path.name for path in paths)} in {str(folder)!r}"
    )


def _prompt_of(name: str, folder: Path) -> str:
    path = folder / f"{Path(name).stem}.txt"
    try:
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise UserError(f"no text for clip {name!r}; expected {path.name!r} in {str(folder)!r}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"text {str(path)!r} cannot be read ({one_line(error)})") from error
    if not text:
        raise UserError(f"text {str(path)!r} is empty; expected what the music was made for")
    return text


def check_systems(folders: Sequence[str]) -> dict[str, Path]:
    """Read systems given as FOLDER or NAME=FOLDER.

    Args:
        folders: What was given; a folder alone gives its own name to the system.

    Returns:
        The folder of each system, by its name.

    Raises:
        UserError: A name comes twice or is empty.
    """
    systems: dict[str, Path] = {}
    for given in folders:
        name, equals, path = given.partition("=")
        folder = Path(path if equals else given)
        name = name if equals else folder.resolve().name
        if not name:
            raise UserError(f"system {given!r} has no name; expected FOLDER or NAME=FOLDER")
        if name in systems:
            raise UserError(f"two systems are called {name!r}; give them other names, as NAME=FOLDER")
        systems[name] = folder
    return systems
