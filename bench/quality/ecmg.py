"""Measure whether a music generator follows what it is given: `python -m bench.quality.ecmg RUN`.

Music that the run never heard is rendered and given as the reference, each with a seed of its own. Compared
are the tempo and the brightness (spectral centroid) of what comes out with those of its reference; beside it
stand the same sounds held against the references of others, which is chance, sounds that were generated
without a reference, and the references behind the codec alone, which is the best that could be made. Each
figure comes with its 95 % interval over the references (bootstrap, 2,000 draws).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
import scipy.stats

from leitmotif.generators.codecs.codec import decode_long, encode_long
from leitmotif.generators.ecmg.encode import fit_audio
from leitmotif.generators.ecmg.generate import EcmgGenerator
from leitmotif.generators.generator import Request
from leitmotif.music.render import render_music
from leitmotif.tagging.rhythm import find_onsets, layers_of, tempo_of_layers
from leitmotif.training.loader.decode import Audio

FIRST_SEED = 80_000  # of rendered test music; no demo of fewer than so many clips has these
BATCH = 8
WINDOW = 2048  # samples, as librosa's spectral_centroid, whose mean over frames is the brightness
TOLERANCE = 0.04  # of a tempo, as is usual in beat tracking
OCTAVES = (1 / 3, 1 / 2, 1.0, 2.0, 3.0)
DRAWS = 2000


@dataclass(frozen=True)
class Heard:
    """What is measured of a sound: tempo in BPM, and the logarithm of its spectral centroid in Hz."""

    tempo_bpm: float
    brightness: float


def listen(sound: np.ndarray, rate_hz: int) -> Heard:
    """Measure a sound (channels, samples)."""
    mono = sound.mean(axis=0)
    levels = np.abs(scipy.signal.stft(mono, rate_hz, nperseg=WINDOW)[2])  # (bins, frames)
    pitches = np.fft.rfftfreq(WINDOW, 1 / rate_hz)
    heard = levels.sum(axis=0) > 0
    centroid = (
        float((pitches @ levels[:, heard] / levels[:, heard].sum(axis=0)).mean()) if heard.any() else 0.0
    )
    onsets = find_onsets(mono, rate_hz)
    layers = layers_of(onsets)
    tempo = float("nan") if layers is None else tempo_of_layers(*layers, onsets.rate_hz)
    return Heard(tempo, float(np.log(max(centroid, 1.0))))


def render_references(count: int, seconds: float, rate_hz: int) -> list[Audio]:
    """Return rendered music with a beat."""
    found: list[Audio] = []
    seed = FIRST_SEED
    while len(found) < count:
        music = render_music(seed, duration_s=seconds, rate_hz=rate_hz, degraded=False, solo=False)
        if music.truth.tempo_bpm is not None:
            found.append(Audio(music.mix.astype(np.float32), rate_hz))
        seed += 1
    return found


def generate(generator: EcmgGenerator, references: Sequence[Audio], strength: float) -> list[Heard]:
    """Return what is heard of the sounds that follow references."""
    asked = [
        Request(generator.longest_s, reference=reference, strength=strength, seed=number)
        for number, reference in enumerate(references)
    ]
    made = [
        sound
        for start in range(0, len(asked), BATCH)
        for sound in generator.generate(asked[start : start + BATCH])
    ]
    return [listen(sound.samples, sound.rate_hz) for sound in made]


def through_codec(generator: EcmgGenerator, references: Sequence[Audio]) -> list[Heard]:
    """Return what is heard of the references after encoding and decoding alone."""
    codec = generator.model.codec
    again = [
        decode_long(codec, encode_long(codec, fit_audio(each.samples, each.rate_hz, codec))).numpy()
        for each in references
    ]
    return [listen(sound, codec.rate_hz) for sound in again]


def agree(one: float, two: float) -> bool:
    """Tell whether two tempi are the same, or one a simple multiple of the other."""
    return any(abs(one / two / ratio - 1) <= TOLERANCE for ratio in OCTAVES)


def compare(given: Sequence[Heard], made: Sequence[Heard]) -> dict[str, list[float]]:
    """Return figures as value, lower and upper end of the interval."""
    count = len(given)
    bright = np.array([each.brightness for each in given]), np.array([each.brightness for each in made])
    same = np.array([[agree(b.tempo_bpm, a.tempo_bpm) for a in given] for b in made], float)
    own, others = np.diag(same), (same.sum(axis=1) - np.diag(same)) / (count - 1)
    rng = np.random.default_rng(0)

    def interval(measure: object, *columns: np.ndarray) -> list[float]:
        draws = [measure(*(c[rows] for c in columns)) for rows in rng.integers(count, size=(DRAWS, count))]  # type: ignore[operator]
        ends = np.nanquantile(draws, [0.025, 0.975])
        return [round(float(number), 3) for number in (measure(*columns), *ends)]  # type: ignore[operator]

    return {
        "brightness: rank correlation with the reference": interval(
            lambda a, b: scipy.stats.spearmanr(a, b).statistic, *bright
        ),
        "tempo: agrees with the reference": interval(np.mean, own),
        "tempo: agrees with the references of others": interval(np.mean, others),
    }


def main() -> None:
    """Measure a run and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.ecmg", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="what `leitmotif train ecmg` wrote")
    parser.add_argument("--references", type=int, default=48, metavar="N", help="how many (default: 48)")
    parser.add_argument("--guidance", type=float, help="default: the run's")
    options = parser.parse_args()
    generator = EcmgGenerator(options.run, guidance=options.guidance).load()
    references = render_references(options.references, generator.longest_s, generator.rate_hz)
    given = [listen(each.samples, each.rate_hz) for each in references]
    for name, strength in (("with the reference", 1.0), ("without it", 0.0)):
        print(name, json.dumps(compare(given, generate(generator, references, strength)), indent=1))
    print("codec alone", json.dumps(compare(given, through_codec(generator, references)), indent=1))


if __name__ == "__main__":
    main()
