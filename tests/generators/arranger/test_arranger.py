"""The arranger's sound and its MIDI files."""

from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest

from leitmotif.generators import loudness
from leitmotif.generators.arranger import mastering
from leitmotif.generators.arranger.arranger import Arranger
from leitmotif.generators.arranger.attributes import Attributes
from leitmotif.generators.arranger.mastering import (
    CEILING_DB,
    LoudnessMeter,
    keep,
    limited,
    master,
    true_peaks,
)
from leitmotif.generators.arranger.midi import write_midi
from leitmotif.generators.arranger.stems import stem
from leitmotif.generators.generator import Request
from leitmotif.storage.errors import UserError
from leitmotif.tagging.key import estimate_key
from leitmotif.tagging.rhythm import find_onsets, layers_of, tempo_of_layers
from leitmotif.training.loader.decode import Audio

RATE_HZ = 44_100
ASKED = Request(22.0, prompt="A happy pop song in D major, 112 BPM, with trumpet and drums", seed=3)


@pytest.fixture(scope="module")
def made() -> Audio:
    return Arranger().load().generate([ASKED])[0]


def test_a_piece_has_its_length_loudness_and_headroom(made: Audio) -> None:
    assert made.samples.shape == (2, 22 * RATE_HZ)
    assert made.samples.dtype == np.float32
    level = loudness.measure(made.samples, RATE_HZ)
    assert level is not None and abs(level + 16) < 0.5
    assert 20 * np.log10(true_peaks(made.samples).max()) <= CEILING_DB + 0.05


def test_what_was_asked_for_is_heard(made: Audio) -> None:
    mono = made.samples.mean(axis=0)
    onsets = find_onsets(mono, RATE_HZ)
    layers = layers_of(onsets)
    assert layers is not None
    assert tempo_of_layers(*layers, onsets.rate_hz) == pytest.approx(112, rel=0.02)
    assert estimate_key(mono, RATE_HZ) in ("D major", "B minor")


def test_it_begins_and_ends_in_silence_without_a_click_and_has_no_hole(made: Audio) -> None:
    mono = made.samples.mean(axis=0)
    assert abs(mono[0]) < 1e-3 and np.abs(mono[-50:]).max() < 1e-3
    frames = np.sqrt(np.square(mono[: len(mono) // 4410 * 4410]).reshape(-1, 4410).mean(axis=1))
    assert (frames[1:-5] > 1e-3).all()  # -60 dB


def test_the_same_request_is_the_same_bytes_in_any_company(made: Audio) -> None:
    again = Arranger().load().generate([Request(4.0, prompt="metal"), ASKED])
    assert np.array_equal(again[1].samples, made.samples)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    piece = Arranger().arrange(Request(15.0, prompt="calm strings and piano", seed=1))
    whole = [stem(piece.score, part.name, RATE_HZ) for part in piece.score.parts]
    monkeypatch.setattr("leitmotif.generators.arranger.stems.BLOCK_S", 4.0)
    for part, sound in zip(piece.score.parts, whole, strict=True):
        assert np.abs(stem(piece.score, part.name, RATE_HZ) - sound).max() < 2e-4


@pytest.mark.parametrize("seconds", [0.05, 3 * 3600 + 1, float("nan")])
def test_lengths_that_are_not_made_are_refused(seconds: float) -> None:
    with pytest.raises(UserError, match="s to generate; "):
        Arranger().arrange(Request(seconds, prompt="jazz"))


def test_three_hours_are_planned_in_movements() -> None:
    score = Arranger().arrange(Request(3 * 3600.0, prompt="ambient", seed=0)).score
    assert score.timeline.starts_s[-1] == 3 * 3600.0
    assert score.sections[-2].movement > 10


def test_a_midi_file_reads_back_with_tempo_key_metre_and_the_same_notes(tmp_path: Path) -> None:
    piece = Arranger().arrange(
        Request(30.0, prompt="a sad waltz for violin in G minor, 120 bpm, and drums", seed=2)
    )
    path = tmp_path / "piece.mid"
    write_midi(path, piece.score, title="Waltz")
    read = pretty_midi.PrettyMIDI(str(path))
    _, tempi = read.get_tempo_changes()
    assert tempi[0] == pytest.approx(piece.plan.tempo_bpm, abs=0.01)
    assert read.key_signature_changes[0].key_number == pretty_midi.key_name_to_key_number("G minor")
    first = read.time_signature_changes[0]
    assert (first.numerator, first.denominator) == (3, 4)
    assert [track.name for track in read.instruments] == [part.name for part in piece.score.parts]
    for track, part in zip(read.instruments, piece.score.parts, strict=True):
        assert (track.program, track.is_drum) == (part.program, part.drums)
        notes = piece.score.notes(part)
        starts = sorted(note.start for note in track.notes)
        assert len(starts) == len(notes)
        assert np.abs(np.array(starts) - [note.start_s for note in notes]).max() < 0.005
    markers = [event.text for event in mido.MidiFile(path).tracks[0] if event.type == "marker"]
    assert markers == [section.kind for section in piece.score.sections]


def test_a_retimed_score_takes_its_tempi_into_the_file(tmp_path: Path) -> None:
    score = Arranger().arrange(Request(20.0, prompt="folk, 100 bpm", seed=2)).score
    starts = np.array(score.timeline.starts_s)
    starts[3:-1] += 0.05
    write_midi(tmp_path / "piece.mid", score.retimed(starts.tolist()))
    downbeats = pretty_midi.PrettyMIDI(str(tmp_path / "piece.mid")).get_downbeats()
    assert downbeats[3] == pytest.approx(starts[3], abs=0.002)


@pytest.mark.parametrize("rate_hz", [22_050, 44_100, 48_000])
def test_the_meter_agrees_with_that_of_pyloudnorm(rate_hz: int) -> None:
    rng = np.random.default_rng(0)
    sound = rng.standard_normal((2, 6 * rate_hz)).astype(np.float32) * 0.05
    sound[:, 3 * rate_hz :] *= 0.02  # what the gate leaves out
    meter = LoudnessMeter(rate_hz)
    for block in np.array_split(sound, 7, axis=1):
        meter.add(block)
    assert meter.lufs == pytest.approx(loudness.measure(sound, rate_hz), abs=0.15)


def test_the_limiter_holds_peaks_between_samples() -> None:
    t = np.arange(RATE_HZ * 3) / RATE_HZ
    wave = np.sin(2 * np.pi * 11_025 * t + np.pi / 4) * np.where((t > 1) & (t < 1.01), 1.4, 0.2)
    sound = np.stack([wave, wave]).astype(np.float32)
    assert np.abs(sound).max() == pytest.approx(1.4 * np.sqrt(0.5), rel=1e-3)  # no sample says how high it is
    held = np.concatenate(list(limited(sound, RATE_HZ, 0.0)), axis=1)
    assert 20 * np.log10(true_peaks(held).max()) <= CEILING_DB + 0.05
    assert np.allclose(held[:, : RATE_HZ // 2], sound[:, : RATE_HZ // 2])


def test_silence_stays_silence() -> None:
    assert not master(np.zeros((2, RATE_HZ), np.float32), RATE_HZ).any()


def test_a_long_mix_lies_on_the_disk_and_leaves_nothing_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mastering, "_IN_MEMORY", 1000)
    sound = np.random.default_rng(0).standard_normal((2, 5000)).astype(np.float32)
    kept = keep(iter(np.array_split(sound, 3, axis=1)), 5000, tmp_path)
    assert isinstance(kept, np.memmap)
    assert np.array_equal(kept, sound)
    assert not list(tmp_path.iterdir())


def test_where_nothing_is_said_other_sights_have_other_music_and_the_same_the_same() -> None:
    player = Arranger()
    sights = [Attributes(valence=0.6, arousal=0.01 * number, tempo="medium") for number in range(8)]
    plans = [player.arrange(Request(6.0), beneath=sight).plan for sight in sights]
    assert len({plan.genre for plan in plans}) > 1 and len({plan.key for plan in plans}) > 2
    assert player.arrange(Request(6.0), beneath=sights[0]).plan == plans[0]
