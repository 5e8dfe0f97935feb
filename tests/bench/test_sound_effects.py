"""What a listener makes of sound effects is counted as it says."""

import numpy as np
import pytest

from bench.quality.sound_effects import CLASSES, COMMON, among_first, measure
from leitmotif.encoders.panns import labels
from leitmotif.generators.sound_effects.choose import EFFECTS


class Knows:
    """Hears rain in what is steady, and nothing else."""

    rate_hz, window_s = 16_000, 2.0
    labels = labels()

    def score_windows(self, windows: list[np.ndarray]) -> np.ndarray:
        scores = np.zeros((len(windows), len(self.labels)), np.float32)
        for row, window in zip(scores, windows, strict=True):
            blocks = np.square(window[: len(window) // 8 * 8]).reshape(8, -1).mean(axis=1)
            row[self.labels.index("Rain")] = 1.0 if blocks.max() < 3 * blocks.min() else 0.0
            row[self.labels.index("Music")] = 0.4
        return scores


def test_every_effect_has_classes_that_audioset_knows() -> None:
    assert set(CLASSES) == {effect.name for effect in EFFECTS}
    assert {name for names in CLASSES.values() for name in names} <= set(labels())
    assert set(COMMON) <= set(labels())


def test_a_class_is_right_where_it_is_among_the_first_five() -> None:
    names = [f"class {number}" for number in range(8)]
    scores = np.array([[8, 7, 6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6, 7, 8]], np.float32)
    assert among_first(scores, names, ["class 4"]) == 1.0
    assert among_first(scores, names, ["class 0"]) == 0.5
    assert among_first(scores, names, ["class 0", "class 7"]) == 1.0


def test_what_passes_for_music_and_what_is_known_is_told() -> None:
    told = measure(Knows(), 2, ["rain", "clock"])  # type: ignore[arg-type]
    right = told["right class among the first five"]
    assert right["rain"] == 1.0  # type: ignore[index]
    assert told["passes for"] == {"Speech": [], "Singing": [], "Music": []}
    assert told["effects"]["rain"]["Music"] == pytest.approx(0.4)  # type: ignore[index]
