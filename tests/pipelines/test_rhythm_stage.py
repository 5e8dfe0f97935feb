"""The stage rhythm, and what the caption of a sound without a beat says."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from leitmotif.captioning.grammar import GrammarCaptioner
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip, Row
from leitmotif.pipelines.stages.caption import CaptionStage
from leitmotif.pipelines.stages.rhythm import RATE_HZ, RhythmStage
from leitmotif.taxonomy import labels
from tests.tagging.sounds import clicks, tone

PLAN = make_plan("music-track", "embedded", [])


def measure(track: np.ndarray, folder: Path) -> Row:
    path = folder / "a.flac"
    soundfile.write(path, np.stack([track, track], axis=1), RATE_HZ)
    stage = RhythmStage(PLAN)
    stage.context = SimpleNamespace(file_of=lambda clip, stage: path)
    return stage.measure_clip(Clip("a", path))


def test_a_beat_is_stored_with_its_tempo_and_times(tmp_path):
    row = measure(clicks(110.0), tmp_path)
    assert set(row) == set(RhythmStage.COLUMNS.names)
    assert row["tempo_bpm"] == pytest.approx(110.0, rel=0.01) and row["tempo_class"] == "medium"
    assert 0.8 < row["beat_confidence"] <= 1.0
    assert row["beats_s"] == pytest.approx(np.arange(0.1, 11.9, 60 / 110), abs=0.02)


def test_of_a_long_track_the_beats_of_the_middle_are_given_in_its_own_time(tmp_path):
    beats_s = measure(clicks(120.0, 130.0), tmp_path)["beats_s"]
    assert 5.0 <= beats_s[0] < 5.7 and 124.3 < beats_s[-1] <= 125.1
    assert np.abs((np.array(beats_s) - 0.1 + 0.25) % 0.5 - 0.25).max() < 0.03


def test_a_held_note_has_no_tempo_and_no_key_in_its_row_nor_in_its_caption(tmp_path):
    row = measure(tone(), tmp_path)
    assert row["beat_confidence"] < 0.5
    assert (
        row["tempo_bpm"]
        is row["tempo_class"]
        is row["beats_s"]
        is row["meter"]
        is row["downbeats_s"]
        is row["key"]
        is None
    )
    stage = CaptionStage(PLAN)
    stage.taxonomy = labels.load()
    scores = [1.0 if label.id in ("organ", "calm") else -1.0 for label in stage.taxonomy.all_tags()]
    vocals = {"vocal_score": None, "singing": None, "speech": None}
    inputs = {"tagging": {"scores": scores}, "rhythm": row, "vocals": vocals}
    facts = stage._facts(Clip("a", tmp_path / "a.flac", metadata={}, inputs=inputs))
    (caption,) = GrammarCaptioner().load().caption([facts])
    words = caption.text.lower()
    assert "organ" in words and not re.search(r"bpm|tempo|fast|slow|pace|major|minor", words)
