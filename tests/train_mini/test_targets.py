"""What is known of a clip, as targets."""

from leitmotif.train_mini.targets import make_targets, tempo_word
from tests.train_mini.known_clips import NOISY, PLACES, ROCK, SONG, VOCABULARY, column


def test_targets_say_what_the_truth_says():
    targets = make_targets([ROCK, SONG, NOISY], VOCABULARY, PLACES)
    assert targets.labels[0, column("instrument", "drums")] == 1
    assert targets.labels[0, column("family", "percussion")] == 1
    assert targets.labels[1, column("vocal", "female vocals")] == 1
    assert targets.labels[0].sum() == 6  # two instruments, their two families, genre, mood
    assert targets.voice.tolist() == [0, 1, 0]
    assert targets.degraded.tolist() == [0, 0, 1]
    assert [tempo_word(t) for t in (None, 70.0, 100.0, 140.0)] == [None, "slow", "medium", "fast"]
