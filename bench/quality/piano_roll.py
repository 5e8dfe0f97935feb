"""Draw an arranged piece: `python -m bench.quality.piano_roll TEXT --out docs/arranging.png`.

Above stand its notes, a colour for each part, with the sections; below the spectrogram of its sound, on the
same time axis.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bench.quality.spectrograms import draw_spectrogram
from leitmotif.generators.arranger.arranger import Arranger
from leitmotif.generators.arranger.score import Score
from leitmotif.generators.generator import Request
from leitmotif.storage.atomic import write_bytes

WIDTH, HEIGHT, EDGE, HEAD, LINE = 1100, 300, 12, 40, 16
LOWEST, HIGHEST = 24, 96  # MIDI pitches; drums stand in a strip of their own below
_DRUM_ROWS = 10
# Okabe and Ito's colours, which colour-blind people tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def draw_roll(score: Score) -> Image.Image:
    """Return the notes of a score: time to the right, pitches upwards; sections and parts named above."""
    picture = Image.new("RGB", (WIDTH, HEAD + HEIGHT), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=13)
    scale = WIDTH / score.seconds
    for section, bar in score.section_starts():
        x = score.timeline.starts_s[bar] * scale
        pen.line((x, LINE, x, HEAD + HEIGHT), fill="#DDDDDD")
        pen.text((x + 3, LINE + 4), section.kind, fill="#666666", font=font)
    x = 0.0
    for number, part in enumerate(score.parts):
        colour = COLOURS[number % len(COLOURS)]
        pen.text((x, 0), part.name, fill=colour, font=font)
        x += pen.textlength(part.name, font=font) + 18
        for note in score.notes(part):
            share = _row(note.pitch, part.drums)
            y = HEAD + share * HEIGHT
            left, right = note.start_s * scale, (note.start_s + note.duration_s) * scale
            pen.rectangle((left, y, max(left + 1, right - 1), y + 2), fill=colour)
    return picture


def _row(pitch: int, drums: bool) -> float:
    """Return where a pitch stands, 0 at the top to 1."""
    if drums:
        return 0.93 + 0.06 * (pitch % _DRUM_ROWS) / _DRUM_ROWS
    return 0.9 * (HIGHEST - min(max(pitch, LOWEST), HIGHEST)) / (HIGHEST - LOWEST)


def main() -> None:
    """Draw a piece."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.piano_roll", description=__doc__)
    parser.add_argument("text", metavar="TEXT", help="what the piece is to be like")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the picture, a .png")
    parser.add_argument("--seconds", type=float, default=40.0, metavar="S", help="its length (default: 40)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    options = parser.parse_args()
    piece = Arranger().load().arrange(Request(options.seconds, prompt=options.text, seed=options.seed))
    roll = draw_roll(piece.score)
    heard = Image.fromarray(draw_spectrogram(piece.render(Arranger.rate_hz))).resize((WIDTH, HEIGHT // 2))
    sheet = Image.new("RGB", (WIDTH + 2 * EDGE, roll.height + heard.height + 3 * EDGE), "white")
    sheet.paste(roll, (EDGE, EDGE))
    sheet.paste(heard, (EDGE, roll.height + 2 * EDGE))
    buffer = io.BytesIO()
    sheet.quantize(64).save(buffer, "PNG", optimize=True)
    write_bytes(options.out, buffer.getvalue())


if __name__ == "__main__":
    main()
