"""Draw what a music generator makes of one text and one seed after different music.

`python -m bench.quality.spectrograms RUN --out docs/generation.png`: above stands the music that is followed,
below what comes out; the last column follows nothing. The references are rendered, and the run never heard
them.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.quality.ecmg import render_references
from leitmotif.generators.ecmg.generate import EcmgGenerator
from leitmotif.generators.generator import Request
from leitmotif.storage.atomic import write_bytes
from leitmotif.training.loader.decode import Audio

TEXT = "An electronic piece."
WIDTH, HEIGHT, EDGE, HEAD = 380, 190, 12, 26
_SIZE, _HOP = 1024, 128
_LOWEST_HZ, _RANGE_DB = 60.0, 70.0


def draw_spectrogram(sound: Audio) -> np.ndarray:
    """Return the picture of a sound, uint8 RGB (HEIGHT, WIDTH, 3): time to the right, octaves upwards."""
    mono = sound.samples.mean(axis=0)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(mono, _SIZE // 2), _SIZE)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_SIZE))) ** 2  # (frames, bins)
    level_db = 10 * np.log10(power + 1e-12)
    pitches_hz = np.geomspace(sound.rate_hz / 2, _LOWEST_HZ, HEIGHT)
    bins = np.clip(pitches_hz / sound.rate_hz * _SIZE, 0, power.shape[1] - 1)
    lower = np.minimum(bins.astype(int), power.shape[1] - 2)
    share = (bins - lower)[None]
    rows = level_db[:, lower] * (1 - share) + level_db[:, lower + 1] * share  # (frames, HEIGHT)
    grey = np.clip((rows.T - rows.max() + _RANGE_DB) / _RANGE_DB, 0, 1)
    small = cv2.resize((255 * grey).astype(np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    picture: np.ndarray = cv2.cvtColor(cv2.applyColorMap(small, cv2.COLORMAP_MAGMA), cv2.COLOR_BGR2RGB)
    return picture


def draw_sheet(columns: list[tuple[str, Audio | None, str, Audio]]) -> Image.Image:
    """Return columns of two spectrograms, each with a line above it; the first may be missing."""
    step_x, step_y = WIDTH + EDGE, HEIGHT + HEAD + EDGE
    sheet = Image.new("RGB", (EDGE + step_x * len(columns), EDGE + 2 * step_y), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for column, (over, followed, below, made) in enumerate(columns):
        for row, (line, sound) in enumerate(((over, followed), (below, made))):
            x, y = EDGE + column * step_x, EDGE + row * step_y
            pen.text((x, y), line, fill="black", font=font)
            if sound is not None:
                sheet.paste(Image.fromarray(draw_spectrogram(sound)), (x, y + HEAD))
    return sheet


def main() -> None:
    """Draw the sheet of a run."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.spectrograms", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="what `leitmotif train ecmg` wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the picture, a .png")
    parser.add_argument("--references", type=int, nargs=2, default=(0, 1), metavar="N", help="which (0 1)")
    options = parser.parse_args()
    generator = EcmgGenerator(options.run).load()
    rendered = render_references(max(options.references) + 1, generator.longest_s, generator.rate_hz)
    followed: list[Audio | None] = [*(rendered[number] for number in options.references), None]
    made = [
        generator.generate([Request(generator.longest_s, prompt=TEXT, reference=each, seed=1)])[0]
        for each in followed
    ]
    names = ["A", "B"]
    columns = [
        (
            f"followed: music {name}" if sound is not None else "followed: nothing",
            sound,
            f"made, {TEXT!r}, seed 1",
            piece,
        )
        for name, sound, piece in zip([*names, ""], followed, made, strict=True)
    ]
    buffer = io.BytesIO()
    draw_sheet(columns).quantize(64).save(buffer, "PNG", optimize=True)
    write_bytes(options.out, buffer.getvalue())


if __name__ == "__main__":
    main()
