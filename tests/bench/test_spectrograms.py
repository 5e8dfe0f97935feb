"""The drawing of spectrograms: time to the right, octaves upwards."""

import numpy as np

from bench.quality.spectrograms import EDGE, HEAD, HEIGHT, WIDTH, draw_sheet, draw_spectrogram
from leitmotif.training.loader.decode import Audio


def tone(pitch_hz: float) -> Audio:
    """A second of silence, and a second of a tone."""
    time = np.arange(32_000) / 16_000
    return Audio((np.sin(2 * np.pi * pitch_hz * time) * (time > 1)).astype(np.float32)[None], 16_000)


def test_a_tone_is_bright_at_its_pitch_while_it_sounds() -> None:
    for pitch_hz in (250.0, 1000.0, 4000.0):
        bright = draw_spectrogram(tone(pitch_hz)).astype(int).sum(axis=2)
        assert bright.shape == (HEIGHT, WIDTH)
        row = int(bright[:, WIDTH * 3 // 4].argmax())
        assert abs(row / HEIGHT - np.log2(8000 / pitch_hz) / np.log2(8000 / 60)) < 0.03
        assert bright[row, : WIDTH // 3].max() < bright[row, WIDTH * 2 // 3 :].min()


def test_a_sheet_has_a_place_for_what_is_missing() -> None:
    sheet = draw_sheet([("over", tone(500.0), "below", tone(500.0)), ("none", None, "below", tone(900.0))])
    assert sheet.size == (EDGE + 2 * (WIDTH + EDGE), EDGE + 2 * (HEIGHT + HEAD + EDGE))
    assert sheet.getpixel((EDGE + WIDTH + EDGE + 40, EDGE + HEAD + 40)) == (255, 255, 255)
