"""What can be described: a video, a folder of pictures, a picture, a text; read under a time limit."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leitmotif.media import probe
from leitmotif.media.errors import MediaError, NotMedia
from leitmotif.media.key_frames import key_frames
from leitmotif.media.picture import SHORT_SIDE, load_picture
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.storage.errors import UserError
from leitmotif.train_mmdm.processor import spread_frames

if TYPE_CHECKING:
    from PIL.Image import Image

# An animated picture, .gif, is read as a video.
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
LIMIT_S = 60.0  # that one file may take, and twice its own length


class BadInput(UserError):  # noqa: N818
    """An input that cannot be described: got, expected, what to do."""


@dataclass(frozen=True)
class VisualInput:
    """What a model is shown.

    Attributes:
        name: What the user called it: a path, or the text itself.
        kind: "video", "folder", "image" or "text".
        frames: RGB pictures, in order; none for a text.
        text: The text, else None.
    """

    name: str
    kind: str
    frames: tuple[Image, ...] = ()
    text: str | None = None


def read_input(path: Path, count: int, worker: SandboxedWorker) -> VisualInput:
    """Return the pictures of a video, a folder of pictures or a picture.

    Args:
        path: The file or folder. Pictures of a folder count in the order of their names, in which numbers
            count by value: `frame-9.jpg` comes before `frame-10.jpg`.
        count: Frames at most; of more pictures this many are taken, evenly spread.
        worker: The process that decodes.

    Raises:
        BadInput: There is no such file, or nothing in it can be read as pictures.
    """
    try:
        if path.is_dir():
            return VisualInput(str(path), "folder", tuple(_read_folder(path, count, worker)))
        if not path.exists():
            raise BadInput(f"got {str(path)!r}, and no such file or folder exists; check the path")
        if path.suffix.lower() in PICTURES:
            return VisualInput(str(path), "image", (_read_picture(path, worker),))
        return VisualInput(str(path), "video", _read_video(path, count, worker))
    except OSError as error:
        raise BadInput(f"{str(path)!r} cannot be opened ({error.strerror}); check the path") from error


def read_text(text: str) -> VisualInput:
    """Return a text to be described.

    Raises:
        BadInput: It is empty.
    """
    if not text.strip():
        raise BadInput("got an empty text; expected a poem, a scene or whatever the music is to fit")
    return VisualInput(text, "text", text=text.strip())


def decode_frames(pictures: Sequence[bytes], name: str) -> tuple[Image, ...]:
    """Return pictures from the bytes of image files.

    Raises:
        BadInput: One of them is damaged.
    """
    from PIL import Image, UnidentifiedImageError

    frames = []
    for number, picture in enumerate(pictures):
        try:
            with Image.open(io.BytesIO(picture)) as opened:
                frames.append(opened.convert("RGB"))
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            raise BadInput(
                f"frame {number} of {name!r} is no readable picture ({error}); expected a whole JPEG file"
            ) from error
    return tuple(frames)


def _read_folder(folder: Path, count: int, worker: SandboxedWorker) -> list[Image]:
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    pictures = sorted((path for path in files if path.suffix.lower() in PICTURES), key=_by_name)
    if not pictures:
        others = f"{len(files)} other files" if files else "nothing"
        raise BadInput(
            f"got folder {str(folder)!r} with {others} in it; expected pictures ({' '.join(PICTURES)}), the "
            "frames of one video; name videos one by one"
        )
    return [_read_picture(path, worker) for path in spread_frames(pictures, count)]


def _by_name(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]


def _read_picture(path: Path, worker: SandboxedWorker) -> Image:
    try:
        picture = worker.run(load_picture, path, limit_s=LIMIT_S)
    except MediaError as error:
        raise BadInput(f"{str(path)!r}: {error}") from error
    return decode_frames([picture], str(path))[0]


def _read_video(path: Path, count: int, worker: SandboxedWorker) -> tuple[Image, ...]:
    try:
        length_s = worker.run(probe.probe, path, limit_s=LIMIT_S).duration_s
        pictures = worker.run(
            key_frames,
            path,
            count=count,
            short_side=SHORT_SIDE,
            limit_s=LIMIT_S + 2.0 * length_s,
        )
    except NotMedia as error:
        raise BadInput(
            f"{str(path)!r}: {error} (videos, pictures and folders of pictures are described, and texts that "
            "are given by --text TEXT)"
        ) from error
    except MediaError as error:
        raise BadInput(f"{str(path)!r}: {error}") from error
    return decode_frames(pictures, str(path))
