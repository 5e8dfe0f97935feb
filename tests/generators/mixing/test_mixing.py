"""Mixing: the paper's filters sample for sample, and a mix at one loudness without clipping."""

import errno
import resource
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyloudnorm
import pytest
import soundfile
from av.filter import Graph

from leitmotif.generators.mixing import gate
from leitmotif.generators.mixing.gate import THRESHOLD, mean_rms
from leitmotif.generators.mixing.graph import filtered
from leitmotif.generators.mixing.level import SILENT_LUFS, measure
from leitmotif.generators.mixing.mix import write_mix
from leitmotif.generators.mixing.paper import paper_graph
from leitmotif.generators.mixing.parts import NothingToMix, Part
from leitmotif.generators.mixing.safe import CEILING_DB, limited, safe_graph
from leitmotif.generators.mixing.sounds import Source, fitted, source_of
from leitmotif.training.loader.decode import Audio


def noise(seconds: float, rate_hz: int, *, seed: int = 0, channels: int = 1, level: float = 0.1) -> Audio:
    samples = level * np.random.default_rng(seed).standard_normal((channels, round(seconds * rate_hz)))
    return Audio(samples.astype(np.float32), rate_hz)


def tone(seconds: float, hz: float, level: float, rate_hz: int = 44_100, channels: int = 2) -> Audio:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    wave = level * np.sin(2 * np.pi * hz * time_s)
    return Audio(np.tile(wave, (channels, 1)).astype(np.float32), rate_hz)


def part(role: Any, audio: Audio) -> Part:
    return Part(role, source_of(audio))


# AudioGen's effects at 16 kHz, MusicGen's music at 32 kHz; they end one after the other.
SVA = [
    part("effect", noise(2.5, 16_000, seed=1)),
    part("effect", noise(1.5, 16_000, seed=2)),
    part("music", noise(4.0, 32_000, seed=3)),
]

DUCKED = limited(
    "[0:a]aformat=sample_fmts=fltp:sample_rates=44100:channel_layouts=stereo,asplit=2[over][key];"
    "[1:a]aformat=sample_fmts=fltp:sample_rates=44100:channel_layouts=stereo[m];"
    "[2:a]aformat=sample_fmts=fltp:sample_rates=44100:channel_layouts=stereo[f];"
    "[m][key]sidechaincompress[ducked];[ducked][over][f]amix=inputs=3:normalize=0[out]",
    3.0,
    CEILING_DB,
)


def test_the_gate_discards_white_noise_and_keeps_quiet_noise() -> None:
    rng = np.random.default_rng(0)
    time_s = np.arange(32_000) / 16_000
    for sound, expected in (
        (rng.uniform(-1, 1, 32_000), 0.350),
        (0.1 * rng.standard_normal(32_000), 0.061),
        (np.sin(2 * np.pi * 440 * time_s), 0.430),
        (np.zeros(32_000), 0.0),
    ):
        measured = mean_rms(sound[None].astype(np.float32))
        assert measured == pytest.approx(expected, abs=2e-3)
        assert (measured > THRESHOLD) == (expected > 0.3)
    assert mean_rms(np.zeros((2, 0), np.float32)) == 0.0


@pytest.mark.slow  # librosa compiles while it is imported
@pytest.mark.filterwarnings("ignore:n_fft=2048 is too large:UserWarning")
@pytest.mark.parametrize("count", [700, 2048, 5000, 48_123])
def test_the_gate_measures_what_librosa_does(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    librosa = pytest.importorskip("librosa")
    monkeypatch.setattr(gate, "_TOGETHER", 7)
    sound = noise(count / 16_000, 16_000, channels=2, level=0.5).samples
    theirs = librosa.feature.rms(S=np.abs(librosa.stft(sound)), frame_length=2048).mean()
    assert mean_rms(sound) == pytest.approx(float(theirs), rel=1e-5)


def by_hand(inputs: list[tuple[Audio, list[tuple[str, str]]]], block: int) -> np.ndarray:
    """The paper's filters, put together one by one and fed with small frames."""
    graph = Graph()
    mixer, sink = graph.add("amix", f"inputs={len(inputs)}"), graph.add("abuffersink")
    buffers = []
    for number, (audio, filters) in enumerate(inputs):
        last = graph.add_abuffer(
            sample_rate=audio.rate_hz, format="flt", layout="mono", time_base=Fraction(1, audio.rate_hz)
        )
        buffers.append(last)
        for name, arguments in filters:
            node = graph.add(name, arguments)
            last.link_to(node)
            last = node
        last.link_to(mixer, 0, number)
    mixer.link_to(sink)
    graph.configure()
    pieces: list[np.ndarray] = []
    for start in range(0, 10 * 32_000, block):
        for buffer, (audio, _) in zip(buffers, inputs, strict=True):
            samples = audio.samples[:, start : start + block]
            if samples.shape[1]:
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "flt", "mono")
                frame.sample_rate, frame.pts, frame.time_base = (
                    audio.rate_hz,
                    start,
                    Fraction(1, audio.rate_hz),
                )
                buffer.push(frame)
            elif start - block < audio.samples.shape[1]:
                buffer.push(None)
        while True:
            try:
                pieces.append(sink.pull().to_ndarray().reshape(-1))
            except (BlockingIOError, EOFError):
                break
    return np.concatenate(pieces)


def mixed_by(graph: str, inputs: list[Part]) -> np.ndarray:
    pieces = filtered(graph, [each.source for each in inputs])
    return np.concatenate([piece.samples for piece in pieces], axis=1)


def audio_of(part: Part) -> Audio:
    return Audio(np.concatenate(list(part.source.blocks()), axis=1), part.source.rate_hz)


def test_the_paper_s_mix_is_that_of_ffmpeg_s_filters_run_by_hand_sample_for_sample() -> None:
    graph, inputs = paper_graph(SVA[::-1])
    ours = np.concatenate(
        [piece.samples for piece in filtered(graph, [each.source for each in inputs])], axis=1
    )
    denoise = [("highpass", "f=200"), ("lowpass", "f=3000"), ("afftdn", "nr=12:nf=-25")]
    volumes = {"effect": "0.05", "music": "3"}
    hand = by_hand(
        [(audio_of(each), [*denoise, ("volume", volumes[each.role])]) for each in inputs], block=1024
    )
    assert ours.shape == (1, 4 * 16_000)  # the music is at the rate of the effects
    np.testing.assert_array_equal(ours[0], hand)


@pytest.mark.parametrize("ends_s", [(3.0, 3.0, 3.0), (2.5, 1.5, 4.0)], ids=["together", "one by one"])
def test_the_paper_s_mix_is_that_of_the_program_ffmpeg_sample_for_sample(
    ends_s: tuple[float, float, float], tmp_path: Path
) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    graph, inputs = paper_graph(
        [
            part("effect", noise(ends_s[0], 16_000, seed=1)),
            part("effect", noise(ends_s[1], 16_000, seed=2)),
            part("music", noise(ends_s[2], 32_000, seed=3)),
        ]
    )
    command: list[Any] = [ffmpeg, "-v", "error"]
    for number, each in enumerate(inputs):
        audio = audio_of(each)
        soundfile.write(tmp_path / f"{number}.wav", audio.samples.T, audio.rate_hz, subtype="FLOAT")
        command += ["-i", tmp_path / f"{number}.wav"]
    command += ["-filter_complex", graph, "-map", "[out]", "-c:a", "pcm_f32le", tmp_path / "theirs.wav"]
    subprocess.run(command, check=True)
    theirs, rate_hz = soundfile.read(tmp_path / "theirs.wav", dtype="float32")
    mixed = write_mix(inputs, tmp_path / "ours.wav", "paper")
    ours, our_hz = soundfile.read(tmp_path / "ours.wav", dtype="float32")
    assert our_hz == rate_hz == mixed.rate_hz and len(ours) == len(theirs)
    # Behind the end of a sound the program itself gives other samples from run to run: it raises the others
    # by steps, which fall where its threads happen to be. (By hand, above, all samples are compared.)
    same = len(ours) if len(set(ends_s)) == 1 else round(min(ends_s) * rate_hz)
    np.testing.assert_array_equal(ours[:same], theirs[:same])


def test_the_paper_s_mix_divides_by_the_number_of_sounds_and_raises_what_lasts() -> None:
    low, long = tone(1.0, 1000, 0.5, 16_000, 1), tone(6.0, 440, 0.1, 16_000, 1)
    graph, inputs = paper_graph([part("effect", low), part("effect", low), part("music", long)])
    mixed = mixed_by(graph, inputs)
    first, last = mixed[0, 4000:12_000], mixed[0, 60_000:90_000]
    assert np.sqrt((last**2).mean() / (first**2).mean()) == pytest.approx(3.0, rel=0.2)
    assert np.sqrt((last**2).mean()) == pytest.approx(0.1 * 3 / np.sqrt(2), rel=0.2)  # less what is denoised


@pytest.mark.parametrize(
    ("hz", "lost_db"), [(1000, -0.1), (100, -12.3), (6000, -22.3)], ids=["kept", "low", "high"]
)
def test_what_lies_beyond_the_band_is_lost(hz: float, lost_db: float) -> None:
    given = tone(3.0, hz, 0.5, 16_000, 1)
    pieces = filtered("[0:a]highpass=f=200,lowpass=f=3000[out]", [source_of(given)])
    left = np.concatenate([piece.samples for piece in pieces], axis=1)[:, 8000:-8000]
    gain_db = 10 * np.log10((left**2).mean() / (given.samples[:, 8000:-8000] ** 2).mean())
    assert gain_db == pytest.approx(lost_db, abs=0.3)


@pytest.mark.parametrize(
    "parts",
    [
        [part("music", tone(8.0, 440, 0.9)), part("effect", noise(8.0, 16_000, level=0.02))],
        [part("music", noise(8.0, 32_000, level=0.001))],
        [part("effect", noise(8.0, 44_100, channels=2)), part("film", tone(8.0, 300, 0.01))],
    ],
    ids=["loud music", "quiet music", "film and effect"],
)
def test_the_safe_mix_has_one_loudness_and_true_peaks_below_its_ceiling(
    parts: list[Part], tmp_path: Path
) -> None:
    mixed = write_mix(parts, tmp_path / "mix.flac")
    samples, rate_hz = soundfile.read(tmp_path / "mix.flac", dtype="float32")
    assert samples.shape == (8 * 44_100, 2) and rate_hz == mixed.rate_hz == 44_100
    assert pyloudnorm.Meter(rate_hz).integrated_loudness(samples) == pytest.approx(-16, abs=0.5)
    assert mixed.level.loudness_lufs == pytest.approx(-16, abs=0.3)
    assert mixed.level.true_peak_db <= CEILING_DB


def test_peaks_of_a_click_are_limited_and_the_loudness_is_still_met(tmp_path: Path) -> None:
    music = tone(6.0, 440, 0.05)
    music.samples[:, 100_000:100_003] = 0.95
    mixed = write_mix([part("music", music)], tmp_path / "mix.flac")
    assert mixed.level.true_peak_db <= CEILING_DB
    assert mixed.level.loudness_lufs == pytest.approx(-16, abs=0.3)


def test_music_gives_way_to_effects_and_comes_back() -> None:
    burst = noise(6.0, 44_100, level=0.2)
    burst.samples[:, : 2 * 44_100] = burst.samples[:, 4 * 44_100 :] = 0.0
    graph, inputs = safe_graph([part("music", tone(6.0, 440, 0.1)), part("effect", burst)])
    mixed = mixed_by(graph, inputs)

    def music_db(start_s: float) -> float:
        window = mixed[0, round(start_s * 44_100) : round((start_s + 1) * 44_100)]
        spectrum = np.abs(np.fft.rfft(window * np.hanning(len(window))))
        return float(20 * np.log10(spectrum[440]))

    before, during, after = music_db(0.5), music_db(2.7), music_db(4.9)
    assert 1.5 < before - during < 6
    assert after == pytest.approx(before, abs=0.5)


def test_a_silent_part_is_left_out_and_nothing_but_silence_is_refused() -> None:
    silence = Audio(np.zeros((1, 44_100), np.float32), 44_100)
    assert measure(source_of(silence)).loudness_lufs == SILENT_LUFS
    graph, inputs = safe_graph([part("effect", silence), part("music", tone(1.0, 440, 0.1))])
    assert [each.role for each in inputs] == ["music"] and "sidechain" not in graph
    with pytest.raises(NothingToMix, match="silent"):
        safe_graph([part("effect", silence)])
    with pytest.raises(NothingToMix, match="no sound to mix"):
        paper_graph([])


def test_a_short_click_is_measured() -> None:
    click = Audio(np.full((1, 4410), 0.5, np.float32), 44_100)
    assert measure(source_of(click)).loudness_lufs > SILENT_LUFS


def read(source: Source) -> np.ndarray:
    return np.concatenate(list(source.blocks()), axis=1)


def test_a_sound_is_begun_anew_without_a_gap_and_ends_softly() -> None:
    once = noise(3.0, 16_000, channels=2)
    longer = read(fitted(once, 10.0))
    assert longer.shape == (2, 160_000)
    np.testing.assert_array_equal(longer[:, :36_000], once.samples[:, :36_000])
    power = (longer[:, :140_000].reshape(2, -1, 4000) ** 2).mean(axis=(0, 2))
    assert power.min() > 0.7 * power.mean()  # over a seam, too
    assert np.abs(longer[:, -1]).max() < 1e-4


def test_a_sound_of_about_the_length_is_left_as_it_is_and_a_longer_one_is_cut() -> None:
    once = noise(3.0, 16_000)
    np.testing.assert_array_equal(read(fitted(once, 3.2)), once.samples)
    assert read(fitted(once, 2.0)).shape == (1, 32_000)
    empty = fitted(Audio(np.zeros((1, 0), np.float32), 16_000), 2.0)
    assert not list(empty.blocks()) and measure(empty).silent


def test_little_of_long_sounds_is_held_at_a_time() -> None:
    drawn = [0.0, 0.0, 0.0]

    def counted(number: int, rate_hz: int) -> Source:
        def blocks() -> Iterator[np.ndarray]:
            for block in fitted(noise(2.0, rate_hz), 40.0).blocks():
                drawn[number] += block.shape[1] / rate_hz
                yield block

        return Source(blocks, rate_hz, 1)

    parts = [
        Part("effect", counted(0, 16_000)),
        Part("music", counted(1, 32_000)),
        Part("film", counted(2, 8000)),
    ]
    for graph, inputs in (paper_graph(parts), (DUCKED, parts)):
        drawn[:] = [0.0] * 3
        given_s = 0.0
        for piece in filtered(graph, [each.source for each in inputs]):
            given_s += piece.samples.shape[1] / piece.rate_hz
            assert max(drawn) - given_s < 6.0
        assert given_s == pytest.approx(40.0, abs=0.1)


def test_a_long_sound_is_handed_on_in_slices_that_are_not_copied() -> None:
    long = noise(20.0, 16_000)
    for source in (source_of(long), fitted(long, 50.0), fitted(long, 10.0)):
        assert max(block.shape[1] for block in source.blocks()) <= 16_000
    assert all(np.shares_memory(block, long.samples) for block in source_of(long).blocks())


@pytest.mark.parametrize("way", ["safe", "paper"])
def test_a_full_disk_is_said_as_such(way: Any, tmp_path: Path) -> None:
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, former[1]))
    try:
        with pytest.raises(OSError) as caught:
            write_mix([part("music", noise(3.0, 44_100))], tmp_path / "mix", way)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert caught.value.errno == errno.EFBIG
