from pathlib import Path

import numpy as np
import pytest

from leitmotif.media.probe import probe
from tests.media.media_clips import write_tone, write_video


def test_a_film_is_described(tmp_path: Path) -> None:
    frames = [np.full((48, 64), 90, np.uint8)] * 50
    facts = probe(write_video(tmp_path / "film.mp4", frames))
    assert facts.duration_s == pytest.approx(2.0)
    assert (facts.width, facts.height, facts.fps) == (64, 48, 25.0)
    assert facts.has_video and not facts.has_audio
    assert facts.video_codec == "h264" and facts.audio_codec is None and facts.audio_rate_hz is None


def test_a_sound_is_described(tmp_path: Path) -> None:
    facts = probe(
        write_tone(tmp_path / "tone.wav", np.zeros((1, 8000), np.float32), rate_hz=8000, layout="mono")
    )
    assert facts.duration_s == pytest.approx(1.0)
    assert (facts.audio_rate_hz, facts.audio_channels, facts.audio_codec) == (8000, 1, "pcm_s16le")
    assert facts.has_audio and not facts.has_video and facts.fps is None


@pytest.mark.parametrize(("turn_deg", "clockwise_deg"), [(90, 270), (180, 180), (-90, 90), (0, 0)])
def test_the_rotation_is_clockwise_and_swaps_the_sides(
    tmp_path: Path, turn_deg: int, clockwise_deg: int
) -> None:
    frames = [np.full((48, 64), 90, np.uint8)] * 3
    facts = probe(write_video(tmp_path / "film.mp4", frames, rotation_deg=turn_deg))
    assert facts.rotation_deg == clockwise_deg
    assert (facts.width, facts.height) == ((48, 64) if clockwise_deg % 180 else (64, 48))


def test_a_stream_without_a_declared_duration_is_measured_by_its_packets(tmp_path: Path) -> None:
    frames = [np.full((48, 64), 90, np.uint8)] * 50
    path = tmp_path / "film.h264"
    write_video(path, frames, container_format="h264")
    assert probe(path).has_video
