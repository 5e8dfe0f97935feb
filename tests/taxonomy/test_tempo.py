import pytest

from leitmotif.taxonomy.tempo import tempo_class


@pytest.mark.parametrize(
    ("bpm", "name"),
    [(60, "slow"), (89.9, "slow"), (90, "medium"), (119.9, "medium"), (120, "fast"), (180, "fast")],
)
def test_tempo_classes_meet_at_90_and_120(bpm: float, name: str) -> None:
    assert tempo_class(bpm) == name
