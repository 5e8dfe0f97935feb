"""One picture file, read in a process of its own: this module imports nothing that is slow to start."""

from __future__ import annotations

import io
from pathlib import Path

from leitmotif.media.errors import MediaError

SHORT_SIDE = 448  # of the frames in a dataset


def load_picture(path: Path) -> bytes:
    """Return a picture file as PNG, upright, in RGB, its short side `SHORT_SIDE` pixels at most.

    Raises:
        MediaError: It is no readable picture.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            opened.draft("RGB", (2 * SHORT_SIDE, 2 * SHORT_SIDE))
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except Exception as error:  # decoders of pictures raise whatever they stumble over
        raise MediaError(
            f"is no readable picture ({type(error).__name__}); expected a whole picture file, save it again"
        ) from error
    scale = SHORT_SIDE / min(picture.size)
    if scale < 1:
        width, height = (max(round(side * scale), 1) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
