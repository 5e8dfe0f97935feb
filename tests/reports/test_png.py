"""Figures of the data card as PNG files."""

import io

import numpy as np
import pytest
import resvg_py
from PIL import Image

from leitmotif.reports.figures.figure import Figure
from leitmotif.reports.figures.png import FONT, encode_png


def ink(text: str, **options: object) -> int:
    """Return how many pixels of a text are dark."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="30"><rect width="200" height="30" '
        f'fill="#fff"/><text x="5" y="20" font-family="DejaVu Sans" font-size="12">{text}</text></svg>'
    )
    drawn = resvg_py.svg_to_bytes(svg_string=svg, **options)
    return int((np.asarray(Image.open(io.BytesIO(drawn)).convert("L")) < 128).sum())


@pytest.mark.parametrize("text", ["clips 24 · −3", "Björk Guðmundsdóttir", "Чайковский", "Θεοδωράκης"])
def test_a_machine_without_fonts_draws_the_texts_of_figures(text: str) -> None:
    assert ink(text, skip_system_fonts=True) == 0
    alone = ink(text, skip_system_fonts=True, font_files=[str(FONT)])
    assert alone > 10 * len(text)


def test_a_figure_is_twice_its_size_with_a_title_above_and_a_line_below() -> None:
    shape = '<rect class="kept" width="100" height="40"/>'
    drawing = f'<svg viewBox="0 0 100 40" role="img" aria-label="">{shape}</svg>'
    figure = Figure(name="a", title="Title", drawing=drawing, count=3, source="here")
    picture = np.asarray(Image.open(io.BytesIO(encode_png(figure))).convert("RGB")).astype(int)
    assert picture.shape == (2 * (40 + 2 * 28), 200, 3)
    assert abs(picture[100, 100] - (0x00, 0x72, 0xB2)).max() < 8
    assert picture[:56].min() < 128 and picture[-56:].min() < 160
