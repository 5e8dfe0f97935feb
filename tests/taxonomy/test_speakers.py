"""Who speaks for a label: every label has one speaker, and a file that forgets one is refused."""

from pathlib import Path

import pytest
import yaml

from leitmotif.encoders.musicnn import LABELS
from leitmotif.taxonomy.document import TaxonomyError
from leitmotif.taxonomy.labels import load
from leitmotif.taxonomy.speakers import SPEAKERS_PATH, load_speakers


def test_every_label_has_a_speaker_and_every_word_is_musicnns() -> None:
    speakers = load_speakers(load())
    said = {word for words in speakers.words.values() for word in words}
    assert said <= set(LABELS)
    assert not speakers.clap & speakers.words.keys()
    assert speakers.words["metal"] == ("mtt:metal", "msd:metal", "msd:heavy metal")
    assert "clarinet" in speakers.clap and "timpani" not in speakers.clap | speakers.words.keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"violin": None}, r"instruments, label 'violin': got None, expected words .*'clap' or 'nobody'"),
        ({"violin": []}, r"label 'violin': got \[\]"),
        ({"violin": "panns"}, "got 'panns'"),
        ({"fiddle": "clap"}, "no label fiddle"),
    ],
)
def test_a_speaker_that_is_none_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    document = yaml.safe_load(SPEAKERS_PATH.read_text())
    document["instruments"] |= change
    path = tmp_path / "speakers.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(TaxonomyError, match=message):
        load_speakers(load(), path)


def test_the_fingerprint_is_that_of_who_speaks(tmp_path: Path) -> None:
    document = yaml.safe_load(SPEAKERS_PATH.read_text())
    path = tmp_path / "same.yaml"
    path.write_text(yaml.safe_dump(document))
    assert load_speakers(load(), path).fingerprint == load_speakers(load()).fingerprint
    document["moods"]["happy"] = "clap"
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(document))
    assert load_speakers(load(), other).fingerprint != load_speakers(load()).fingerprint
