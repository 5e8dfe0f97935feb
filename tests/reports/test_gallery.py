"""The gallery: what is chosen, and the small pieces that a page can carry."""

import base64
import io

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from leitmotif.reports.gallery import build_gallery, choose
from leitmotif.reports.media_preview import encode_sound_preview, encode_thumbnail
from leitmotif.reports.source import open_source


def decode(uri: str) -> tuple[np.ndarray, int]:
    head, _, packed = uri.partition(",")
    assert head == "data:audio/ogg;base64"
    with av.open(io.BytesIO(base64.b64decode(packed))) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "opus" and stream.codec_context.channels == 1
        parts = [frame.to_ndarray().mean(axis=0) for frame in container.decode(stream)]
        return np.concatenate(parts), stream.codec_context.sample_rate


def flac(samples: np.ndarray, rate_hz: int) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate_hz, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def test_best_worst_and_random_share_no_clip_and_stay_the_same():
    scores = np.linspace(0, 1, 100)
    chosen = choose(scores, per_group=6)
    assert chosen["worst"] == [0, 1, 2, 3, 4, 5] and chosen["best"] == [99, 98, 97, 96, 95, 94]
    assert len(chosen["random"]) == 6 and not {*chosen["random"]} & {*chosen["best"], *chosen["worst"]}
    assert choose(scores, per_group=6) == chosen


@pytest.mark.parametrize(
    ("scores", "sizes"),
    [([], (0, 0, 0)), ([0.5], (1, 0, 0)), ([0.1, 0.9, 0.5], (1, 1, 1)), ([np.nan] * 9, (6, 0, 0))],
)
def test_few_clips_and_clips_without_quality_make_a_gallery_too(scores, sizes):
    chosen = choose(np.array(scores, float))
    assert tuple(len(chosen[group]) for group in ("random", "best", "worst")) == sizes


def test_an_unknown_quality_is_neither_best_nor_worst():
    chosen = choose(np.array([np.nan, 0.1, np.nan, 0.9, 0.5, np.inf]), per_group=1)
    assert chosen["best"] == [3] and chosen["worst"] == [1]


def test_an_excerpt_is_the_middle_of_the_recording_small_and_mono():
    rate_hz = 44_100
    time_s = np.arange(20 * rate_hz) / rate_hz
    tone = np.where((time_s >= 6) & (time_s < 14), 0.5 * np.sin(2 * np.pi * 440 * time_s), 0.0)
    uri = encode_sound_preview(flac(np.stack([tone, tone], axis=1), rate_hz))
    assert len(uri) < 80_000
    samples, decoded_hz = decode(uri)
    assert len(samples) / decoded_hz == pytest.approx(8.0, abs=0.05)
    spectrum = np.abs(np.fft.rfft(samples[decoded_hz : 2 * decoded_hz]))
    assert np.argmax(spectrum) == 440
    loud = np.sqrt(np.mean(samples[decoded_hz // 10 : -decoded_hz // 10] ** 2))
    assert loud == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_the_same_recording_gives_the_same_excerpt():
    recording = flac(np.random.default_rng(0).normal(0, 0.1, (44_100, 2)), 44_100)
    assert encode_sound_preview(recording) == encode_sound_preview(recording)


def test_a_short_recording_is_taken_whole_and_what_is_none_left_out():
    samples, rate_hz = decode(encode_sound_preview(flac(np.full(4800, 0.2), 48_000)))
    assert len(samples) / rate_hz == pytest.approx(0.1, abs=0.05)
    assert encode_sound_preview(b"no sound") is None
    assert encode_sound_preview(flac(np.zeros(0), 48_000)) is None


def test_a_thumbnail_is_a_small_jpeg():
    out = io.BytesIO()
    Image.new("RGB", (1920, 1080), "red").save(out, "JPEG")
    head, _, packed = encode_thumbnail(out.getvalue()).partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(packed))) as small:
        assert small.size == (200, 113)
    assert encode_thumbnail(b"no picture") is None


def test_the_gallery_of_a_dataset_reads_the_rows_that_were_chosen(publish):
    folder = publish(clips=12)
    found = build_gallery(open_source(folder), per_group=2)
    assert [clip.group for clip in found] == ["random", "random", "best", "best", "worst", "worst"]
    quality = {clip.group: clip.row["pam_score"] for clip in found}
    assert quality["best"] > quality["random"] > quality["worst"]
    assert len({clip.row["clip_id"] for clip in found}) == 6
    assert all(clip.media.sound and len(clip.media.pictures) == 4 and clip.row["split"] for clip in found)
    assert all("audio" not in clip.row and "frames" not in clip.row for clip in found)
