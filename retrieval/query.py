"""What music is looked for by (video, picture, sound, words), as vectors of the dataset's own spaces."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np

from leitmotif.media import audio, probe
from leitmotif.media.errors import MediaError
from leitmotif.media.key_frames import key_frames
from leitmotif.media.picture import SHORT_SIDE, load_picture
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.phrases import no_such_file
from leitmotif.retrieval.sound import MAX_WINDOWS, flac_windows, mean_direction
from leitmotif.retrieval.spaces import CLAP, CLIP, SPACES, Encoders, Space, space_named
from leitmotif.storage.errors import UserError

FRAMES = 10  # as many as `curate` takes, in the stage frames
LIMIT_S = 60.0  # that one file may take, and twice the length of what is decoded
SILENCE_DB = -60.0  # as of the rule `silence`
WORDS = "the words"
# What can be compared in a space.
_OPTIONS = {CLAP.name: "a sound or words", CLIP.name: "a video, a picture or words"}
# What a clip does that is near to words, by what of it is compared.
_LIKE = {"sound": "sounds", "pictures": "looks", "captions": "is described"}


@dataclass(frozen=True)
class Query:
    """What is looked for; files and words are compared with clips, the others say what clips are to have.

    Attributes:
        video: A file whose pictures are compared.
        image: A picture.
        audio: A file whose sound is compared.
        text: Words.
        genre: A label of the dataset, or a synonym; so are mood and instrument.
        mood: See `genre`.
        instrument: See `genre`.
        tempo: "slow", "medium" or "fast".
    """

    video: Path | None = None
    image: Path | None = None
    audio: Path | None = None
    text: str | None = None
    genre: str | None = None
    mood: str | None = None
    instrument: str | None = None
    tempo: str | None = None

    @classmethod
    def having(cls, attributes: Mapping[str, str]) -> Self:
        """Return the query for clips that have attributes, by kind."""
        wanted: dict[str, Any] = dict(attributes)
        return cls(**wanted)

    @property
    def files(self) -> list[Path]:
        """The files that are given."""
        return [path for path in (self.video, self.image, self.audio) if path is not None]

    @property
    def attributes(self) -> dict[str, str | None]:
        """What clips are to have, by kind."""
        return {"genre": self.genre, "mood": self.mood, "instrument": self.instrument, "tempo": self.tempo}


@dataclass(frozen=True)
class Ask:
    """A vector to which near ones are looked for.

    Attributes:
        space: The space.
        vector: Unit vector, float32 (dim,).
        given: What it is of, in words.
        like: What a near clip does, in words.
        is_media: Whether clips are embedded as it is, so that one that is nearly equal is the thing itself.
    """

    space: Space
    vector: np.ndarray
    given: str
    like: str
    is_media: bool


def read_query(query: Query, encoders: Encoders, spaces: set[str]) -> list[Ask]:
    """Return the vectors of what a query gives.

    Args:
        query: The query.
        encoders: The models of the dataset.
        spaces: Names of the spaces that the dataset has.

    Raises:
        UserError: A file is missing, no media, silent, or lacks what it is to be compared by; or the dataset
            has no such space.
    """
    asks: list[Ask] = []
    if query.text is not None and not query.text.strip():
        raise UserError("got an empty text; expected words, such as 'a calm piano piece'")
    for path in query.files:
        if not path.is_file():
            said = "it is a folder" if path.is_dir() else no_such_file(path)
            raise UserError(f"got {str(path)!r}: {said}; expected a media file")
    with SandboxedWorker() as worker:
        asks += _asks_of_files(query, encoders, spaces, worker)
    if query.text is not None:
        for space in _for_words(spaces):
            encoder = encoders.of(_needed(space, spaces, "words"))
            vector = encoder.embed_texts([query.text])[0]
            asks.append(Ask(space, vector, WORDS, _LIKE[space.of], False))
    return asks


def _asks_of_files(
    query: Query, encoders: Encoders, spaces: set[str], worker: SandboxedWorker
) -> Iterator[Ask]:
    """Yield the vectors of files: in the dataset's own space, and in those that take more than words."""
    others = {
        kind: [space for space in _made(spaces) if kind in space.asked_by]
        for kind in ("audio", "video", "image")
    }
    if query.audio is not None:
        vector = embed_sound(query.audio, encoders.of(_needed(CLAP, spaces, "a sound")), worker)
        yield Ask(CLAP, vector, "the sound", "sounds", True)
        for space in others["audio"]:
            vector = embed_sound(query.audio, encoders.of(space), worker)
            yield Ask(space, vector, "the sound", "sounds", False)
    for kind, given, path in (
        ("video", "the video", query.video),
        ("image", "the picture", query.image),
    ):
        if path is None:
            continue
        if CLIP.name in spaces or not others[kind]:
            encoder = encoders.of(_needed(CLIP, spaces, given.replace("the", "a")))
        pictures = _film(path, worker) if kind == "video" else [_decoded(path, load_picture, worker)]
        if CLIP.name in spaces:
            yield Ask(CLIP, embed_pictures(pictures, encoder), given, "looks", True)
        for space in others[kind]:
            film = encoders.of(space).embed_film([opened(picture) for picture in pictures])
            yield Ask(space, film, given, "sounds", False)


def _made(spaces: set[str]) -> list[Space]:
    return [space_named(name) for name in sorted(spaces) if name not in SPACES]


def _for_words(spaces: set[str]) -> list[Space]:
    """Return the spaces in which words are looked for; of sound those of encoders that are better at them."""
    own = [space for space in (CLAP, CLIP) if space.name in spaces or not spaces]
    sentences = _made(spaces)
    heard = {space.of for space in sentences}
    return [*(space for space in own if space.of not in heard), *sentences]


def _needed(space: Space, spaces: set[str], thing: str) -> Space:
    if space.name not in spaces:
        known = " or ".join(option for name, option in _OPTIONS.items() if name in spaces)
        raise UserError(
            f"no clip of the dataset has a {space.column}, with which {thing} could be compared; "
            + (f"give {known}" if known else f"curate with the stage {space.stage}")
        )
    return space


def embed_pictures(pictures: list[bytes], encoder: Any) -> np.ndarray:
    """Return the mean embedding of pictures, as the stage `vision` takes it: unit vector, float32 (dim,).

    Args:
        pictures: Files of pictures.
        encoder: Embeds them.
    """
    images = [opened(picture) for picture in pictures]
    return mean_direction(encoder.embed_pixels(encoder.prepare_images(images)))


def opened(picture: bytes) -> Any:
    """Return the picture of a file, RGB, as Pillow has it."""
    from PIL import Image

    return Image.open(io.BytesIO(picture)).convert("RGB")


def embed_sound(path: Path, encoder: Any, worker: SandboxedWorker) -> np.ndarray:
    """Return the mean embedding of a sound's windows, as the stage `tagging` takes it.

    Of a file longer than `MAX_WINDOWS` windows only these are decoded, evenly spread.

    Args:
        path: A file with sound, of any length.
        encoder: Embeds the windows.
        worker: The process that decodes.

    Returns:
        Unit vector, float32 (dim,).

    Raises:
        UserError: It cannot be read, or is silent.
    """
    with TemporaryDirectory(prefix="leitmotif-query-") as scratch:
        windows = list(_windows(path, encoder, worker, Path(scratch)))
    return mean_direction(encoder.embed_windows(windows))


def _windows(path: Path, encoder: Any, worker: SandboxedWorker, scratch: Path) -> Iterator[np.ndarray]:
    """Yield mono windows; each piece is written as FLAC first, which mends what `curate` mends."""
    loudest_db = -np.inf
    whole_s = _run(path, worker, probe.probe, path, limit_s=LIMIT_S).duration_s
    for number, (start_s, length_s) in enumerate(_pieces(whole_s, encoder.window_s)):
        out = scratch / f"{number}.flac"
        facts = _run(
            path,
            worker,
            audio.extract_flac,
            path,
            out,
            start_s=start_s,
            duration_s=length_s,
            limit_s=LIMIT_S + 2.0 * (length_s or whole_s),
            writes=scratch,
        )
        loudest_db = max(loudest_db, facts.level_db)
        yield from flac_windows(out, encoder, MAX_WINDOWS if length_s is None else 1)
        out.unlink()
    if loudest_db <= SILENCE_DB:
        raise UserError(
            f"the sound of {str(path)!r} is silent ({loudest_db:.0f} dB); give one that is heard, or words"
        )


def _pieces(whole_s: float, window_s: float) -> list[tuple[float, float | None]]:
    """Return (start, length) of what is decoded: all, or windows evenly spread; None is to the end."""
    count = int(whole_s / window_s)
    if count <= MAX_WINDOWS:
        return [(0.0, None)]
    return [(int((place + 0.5) * count / MAX_WINDOWS) * window_s, window_s) for place in range(MAX_WINDOWS)]


def _film(path: Path, worker: SandboxedWorker) -> list[bytes]:
    found = _run(path, worker, probe.probe, path, limit_s=LIMIT_S)
    if not found.has_video:
        raise UserError(
            f"{str(path)!r} has no moving picture; give a film as video, a picture as image, a sound as audio"
        )
    limit_s = LIMIT_S + 2.0 * found.duration_s
    pictures: list[bytes] = _run(
        path, worker, key_frames, path, count=FRAMES, short_side=SHORT_SIDE, limit_s=limit_s
    )
    return pictures


def _decoded(path: Path, load: Any, worker: SandboxedWorker) -> bytes:
    picture: bytes = _run(path, worker, load, path, limit_s=LIMIT_S)
    return picture


def _run(path: Path, worker: SandboxedWorker, *call: Any, **options: Any) -> Any:
    try:
        return worker.run(*call, **options)
    except MediaError as error:
        raise UserError(f"{str(path)!r}: {error}") from error
