"""The picture of a score: every note where it sounds."""

import numpy as np

from bench.quality.piano_roll import COLOURS, HEAD, HEIGHT, WIDTH, draw_roll
from leitmotif.generators.arranger.arranger import Arranger
from leitmotif.generators.generator import Request


def test_notes_stand_at_their_time_in_the_colour_of_their_part() -> None:
    score = Arranger().arrange(Request(20.0, prompt="solo cello", seed=1)).score
    picture = np.asarray(draw_roll(score)).astype(int)
    assert picture.shape == (HEAD + HEIGHT, WIDTH, 3)
    colour = [int(COLOURS[0][at : at + 2], 16) for at in (1, 3, 5)]
    drawn = (picture[HEAD:] == colour).all(axis=2).any(axis=0)
    for note in score.notes(score.parts[0]):
        middle = (note.start_s + note.duration_s / 2) / score.seconds
        assert drawn[int(middle * WIDTH)]
