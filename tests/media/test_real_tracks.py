"""Whole tracks out of Debian's packages of games: every one of them can be read."""

import random
from pathlib import Path

import numpy as np
import pytest

from bench.real_media import read_index
from leitmotif.media.audio import extract_flac, iter_audio
from leitmotif.media.probe import probe

pytestmark = pytest.mark.slow


def test_every_track_can_be_probed_and_its_beginning_heard(real_tracks: Path) -> None:
    for track in read_index(real_tracks):
        assert probe(real_tracks / track.file).duration_s == pytest.approx(track.duration_s, abs=0.01)
        blocks = list(iter_audio(real_tracks / track.file, rate_hz=22_050, channels=1, duration_s=10.0))
        heard = np.concatenate(blocks, axis=1)
        assert heard.shape[1] == 22_050 * 10 and np.isfinite(heard).all()


def test_whole_tracks_are_written_at_their_length(real_tracks: Path, tmp_path: Path) -> None:
    for track in random.Random(0).sample(read_index(real_tracks), 12):
        facts = extract_flac(real_tracks / track.file, tmp_path / "track.flac")
        assert facts.duration_s == pytest.approx(track.duration_s, abs=0.1), track.file
