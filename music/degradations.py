"""Damage to a recording, with a degree: noise, hum, clipping, lost bands, drop-outs, codecs and few bits."""

from __future__ import annotations

import io

import av
import numpy as np
from scipy import fft
from scipy.signal import butter, resample_poly, sosfilt

from leitmotif.music.effects import level
from leitmotif.music.oscillators import one_cycle, read_cycle

DEGRADATIONS = ("noise", "hum", "clipping", "low-pass", "dropouts", "codec", "bitcrush")


def coloured_noise(rng: np.random.Generator, samples: int, slope: float) -> np.ndarray:
    """Make noise of unit level whose amplitude falls as frequency to the power of minus `slope`.

    Returns:
        float32 (2, samples), a root mean square of 1 over both channels.
    """
    size = 2**17  # longer noise repeats: three seconds (at 44.1 kHz) are enough not to be noticed
    spectrum = fft.rfft(rng.standard_normal((2, size), dtype=np.float32), axis=1)
    k = np.maximum(np.arange(spectrum.shape[1], dtype=np.float32), 20.0)
    noise = fft.irfft(spectrum * k ** np.float32(-slope), size, axis=1)
    noise = np.tile(noise, samples // size + 1)[:, :samples]
    return (noise / max(1e-12, level(noise))).astype(np.float32)


def round_trip(mix: np.ndarray, rate_hz: int, bit_rate: int) -> np.ndarray:
    """Encode to MP3 at a low bit rate and decode again, at the same length.

    Args:
        mix: float32 (2, n), -1..1.
        rate_hz: Sample rate of the mix.
        bit_rate: Bits a second of the MP3, which is mono.

    Returns:
        float32 (2, n), both channels alike.
    """
    inner_hz = 16000 if bit_rate <= 16000 else 22050
    narrow = resample_poly(mix.mean(axis=0), inner_hz, rate_hz).astype(np.float32)
    pcm = (np.clip(narrow, -1, 1) * 32767).astype(np.int16)[None]
    held = io.BytesIO()
    with av.open(held, "w", format="mp3") as sink:
        stream = sink.add_stream("mp3", rate=inner_hz)
        stream.bit_rate, stream.layout, stream.format = bit_rate, "mono", "s16p"
        for start in range(0, pcm.shape[1], 1152):
            frame = av.AudioFrame.from_ndarray(
                pcm[:, start : start + 1152].copy(), format="s16p", layout="mono"
            )
            frame.sample_rate, frame.pts = inner_hz, start
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    held.seek(0)
    with av.open(held) as source:
        blocks = [frame.to_ndarray().astype(np.float32).reshape(1, -1) for frame in source.decode(audio=0)]
    decoded = np.concatenate(blocks, axis=1)[0]
    decoded = decoded / 32768 if np.abs(decoded).max() > 4 else decoded
    wide = resample_poly(decoded, rate_hz, inner_hz).astype(np.float32)[: mix.shape[1]]
    return np.stack([np.pad(wide, (0, mix.shape[1] - len(wide)))] * 2)


def draw_damage(mix: np.ndarray, rng: np.random.Generator, rate_hz: int) -> tuple[np.ndarray, str, float]:
    """Degrade a mix in a drawn way, to a drawn degree.

    Args:
        mix: float32 (2, n).
        rng: Source of every choice.
        rate_hz: Sample rate.

    Returns:
        The damaged mix, float32 (2, n) with a peak of 0.99 at most where it would clip; the way, one of
        `DEGRADATIONS`; the degree, 0.2..1.
    """
    name, degree = str(rng.choice(DEGRADATIONS)), float(np.round(rng.uniform(0.2, 1.0), 3))
    mix = damage(mix, rng, rate_hz, name, degree)
    return (mix / max(1.0, float(np.abs(mix).max()) / 0.99)).astype(np.float32), name, degree


def damage(mix: np.ndarray, rng: np.random.Generator, rate_hz: int, name: str, degree: float) -> np.ndarray:
    """Degrade a mix; `degree` 0..1 scales how far.

    Args:
        mix: float32 (2, n).
        rng: Source of every choice.
        rate_hz: Sample rate.
        name: One of `DEGRADATIONS`.
        degree: 0 hardly audible, 1 severe.

    Raises:
        LookupError: The name is unknown.
    """
    samples, loud = mix.shape[1], max(level(mix), 1e-5)
    if name == "noise":
        noise = coloured_noise(rng, samples, float(rng.choice((0.0, 0.0, 0.5, 0.8))))
        return mix + noise * np.float32(loud * 10 ** (-(28 - 28 * degree) / 20))
    if name == "hum":
        hz = rng.choice((50.0, 60.0)) * rng.uniform(0.995, 1.005)
        buzz = rng.uniform(0.6, 1.5)
        cycle = one_cycle(np.arange(1, 16) ** -buzz, rng)
        wave = read_cycle(cycle, hz, samples, rate_hz)
        return mix + (wave / np.std(wave) * loud * 10 ** (-(24 - 26 * degree) / 20)).astype(np.float32)
    if name == "clipping":
        ceiling = loud * 10 ** ((9 - 13 * degree) / 20)
        return np.clip(mix, -ceiling, ceiling) * np.float32(min(2.0, loud / ceiling + 0.5))
    if name == "low-pass":
        edge = min(8000.0 * (1000.0 / 8000.0) ** degree, 0.45 * rate_hz)
        return sosfilt(butter(6, edge, fs=rate_hz, output="sos"), mix, axis=1).astype(np.float32)
    if name == "dropouts":
        gate = np.ones(samples, np.float32)
        for start in rng.uniform(0, samples, max(1, int(samples / rate_hz * (0.4 + 4 * degree)))):
            gate[int(start) : int(start) + int(rng.uniform(0.01, 0.03 + 0.2 * degree) * rate_hz)] = (
                rng.choice((0.0, 0.05))
            )
        return mix * gate
    if name == "codec":
        return round_trip(mix, rate_hz, int((32000, 24000, 16000, 8000)[min(3, int(degree * 4))]))
    if name == "bitcrush":
        peak = max(1e-5, float(np.abs(mix).max()))
        steps = 2 ** (7.5 - 5 * degree)
        crushed = np.round(mix / peak * steps) / steps * peak
        hold = max(1, int((1 + 7 * degree * rng.random()) * rate_hz / 44100))
        return np.repeat(crushed[:, ::hold], hold, axis=1)[:, :samples].astype(np.float32)
    raise LookupError(f"unknown degradation {name!r}; known are {', '.join(DEGRADATIONS)}")
