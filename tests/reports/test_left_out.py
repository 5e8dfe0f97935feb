"""Clips that were left out: why, in words; picture and sound of a few of each reason."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pytest
import soundfile
from PIL import Image

from leitmotif.filters.rule import discover
from leitmotif.pipelines.catalog_row import CatalogRow
from leitmotif.pipelines.entries import CatalogEntry, Outcome
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.reports.gallery_item import Media
from leitmotif.reports.left_out import PER_REASON, choose_left_out
from leitmotif.reports.left_out_previews import show_left_out
from leitmotif.reports.page import render_page
from leitmotif.shards.schema import QUARANTINE, REJECTED


def refused(count: int) -> pa.Table:
    rows = [
        {
            "clip_id": f"c{n}",
            "source_id": f"{n}.mp4",
            "source": f"{n}.mp4",
            "rule": "spread",
            "value": n / 1000,
        }
        | {"threshold": 0.02, "detail": None}
        for n in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=REJECTED)


def test_the_clips_nearest_to_the_threshold_are_shown_with_a_sentence():
    found = choose_left_out(refused(20), QUARANTINE.empty_table())
    assert [(clip.fate, clip.group, clip.row["source"]) for clip in found] == [
        ("rejected", "spread", f"{n}.mp4") for n in (19, 18, 17)
    ]
    assert found[0].why == "1.9 % of the picture changes; the rule wants at least 2 %"
    assert all(clip.media == Media() for clip in found)


def test_a_page_of_the_dataset_alone_says_where_the_media_are(publish):
    text = render_page(publish(clips=2, rejected=30, quarantined=1))
    assert "This page was made from the dataset alone" in text
    assert text.count('data-group="rejected rejected-motion"') == PER_REASON
    assert text.count('data-group="quarantined quarantined-probe"') == 1
    for token in ("kept", "rejected", "rejected-pam", "quarantined", "quarantined-probe"):
        assert f'data-show="{token}"' in text


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """Twelve seconds: red, then blue from second 6; a tone that rises from 400 Hz to 800 Hz there."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10, options={"g": "10"})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        sound = container.add_stream("aac", rate=44100, layout="mono")
        for number in range(120):
            picture = np.zeros((180, 320, 3), np.uint8)
            picture[..., 0 if number < 60 else 2] = 255
            for packet in video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        time_s = np.arange(12 * 44100) / 44100
        tone = (0.3 * np.sin(2 * np.pi * np.where(time_s < 6, 400, 800) * time_s)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(tone[None], format="flt", layout="mono")
        frame.sample_rate = 44100
        for packet in [*sound.encode(frame), *sound.encode(None), *video.encode(None)]:
            container.mux(packet)
    return path


def opened(uri: str) -> io.BytesIO:
    return io.BytesIO(base64.b64decode(uri.partition(",")[2]))


def heard(uri: str, at_s: int = 1) -> tuple[float, int]:
    """Return the length of an excerpt in seconds, and the frequency in one of its seconds in hertz."""
    with av.open(opened(uri)) as container:
        samples = np.concatenate([frame.to_ndarray().mean(0) for frame in container.decode(audio=0)])
    second = samples[at_s * 48_000 : (at_s + 1) * 48_000]
    return len(samples) / 48_000, int(np.argmax(np.abs(np.fft.rfft(second))))


def test_a_clip_is_shown_from_its_store_and_before_that_from_its_source(film, tmp_path):
    rate_hz = 44100
    stored = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(8 * rate_hz) / rate_hz)
    soundfile.write(tmp_path / "stored.flac", stored, rate_hz)
    names = ("film", "stored", "gone", "failed")
    rows = [{"clip_id": name, "source": f"{name}.mp4"} for name in names]
    stores = Workspace(tmp_path).stores(make_plan("music-video", "embedded"))
    entries = [
        CatalogEntry(name, CatalogRow(str(tmp_path / f"{name}.mp4"), name, name), stores, duration_s=12.0)
        for name in names
    ]
    entries[0].source = replace(entries[0].source, path=str(film))
    entries[3].outcome = Outcome(stage="audio", error="DecodeFailed", message="no")
    probed = [{"clip_id": name, "has_audio": 1, "has_video": int(name != "stored")} for name in names]
    stores.store("probe").append(probed)
    stores.store("audio").append([{"clip_id": "stored", "file": "stored.flac"}])
    ledger = Ledger(stores)
    ledger.entries = entries
    read, taken, gone, failed = show_left_out(ledger, rows)

    pictures = [np.asarray(Image.open(opened(uri)).convert("RGB")) for _, uri in read.pictures]
    colours = [picture.mean((0, 1)).argmax() for picture in pictures]
    assert colours == [0, 0, 2], "evenly spread over the film"
    assert max(pictures[0].shape) <= 320
    assert [time_s for time_s, _ in read.pictures] == pytest.approx([1.0, 5.0, 9.0], abs=1e-3)
    assert not read.note
    assert heard(taken.sound) == (pytest.approx(5.0, abs=0.1), 1000)
    # From 3.5 s to 8.5 s: the fourth second of it is the higher tone.
    assert heard(read.sound, at_s=3) == (pytest.approx(5.0, abs=0.1), 800)
    assert gone.sound is None and "gone.mp4" in gone.note
    assert failed == Media(), "what failed once is not read again"


def test_every_rule_that_can_reject_has_words_for_a_page():
    for rule in discover().values():
        rows = [{"clip_id": "c", "source": "c.mp4", "rule": rule.name, "value": rule.threshold + 1}]
        table = pa.Table.from_pylist([rows[0] | {"threshold": rule.threshold}], schema=REJECTED)
        (clip,) = choose_left_out(table, QUARANTINE.empty_table())
        assert clip.why and "{" not in clip.why
