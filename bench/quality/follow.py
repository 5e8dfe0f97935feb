"""Measure whether music follows films: `python -m bench.quality.follow [--only cuts]`.

Films are the demo's pictures, cut at moments that are known: of half of them on beats of a tempo that nobody
is told, of the other half anywhere, four seconds apart on average. Each is written as a file, watched, and
given a piece by the arranger, with `--follow cuts` and without. Told are the shares of the true cuts that lie
within 50 ms of a beat and of a downbeat, with 95 % intervals over films (bootstrap); and in the sound of the
first N films, the share within 50 ms of a strong onset (the strongest of a piece, as many as it has beats),
against the same moments in the music of another film.

Motion is followed in films of the demo's dancers, who take a new pose on each beat of a tempo that nobody is
told. Told is F at 70 ms between the beats of the music and those of the film, up to the last chord: twice the
pairs of both that are that near, one to one, over the number of both, as mir_eval has it but for the first
five seconds, which count here; for the music of each film, for music that follows nothing, and for the music
of another film (the mean over all pairs). Of the sound, F of its strongest onsets.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import soxr
from scipy.signal import find_peaks

from leitmotif.demo.pictures.render import SCENES, render_pictures
from leitmotif.generators.arranger.arranger import Arrangement, Arranger
from leitmotif.generators.follow.arranging import arrange_to
from leitmotif.generators.follow.following import MANNERS
from leitmotif.generators.follow.motion import watch_motion
from leitmotif.generators.follow.rhythm import watch_cuts
from leitmotif.generators.generator import Request
from leitmotif.media.mux import write_video
from leitmotif.tagging.rhythm import find_onsets

SIZE, FPS, SECONDS = (128, 72), 25.0, 60.0
DANCE_S = 40.0
USUAL_S, LONGEST_S = 4.0, 10.0  # between two cuts
NEAR_S = 0.05
RATE_HZ, HEARD_HZ = 44_100, 22_050
_SCENES = [name for name in SCENES if name != "performance"]  # which has cameras of its own to cut between
_FADE_S = 1.6  # with which some of the demo's films begin
_DRAWS = 2000


@dataclass(frozen=True)
class Film:
    """A film with its cuts."""

    kind: str
    cuts_s: np.ndarray
    path: Path


def draw_cuts(rng: np.random.Generator, tempo_bpm: float | None) -> np.ndarray:
    """Return when a film is cut: on beats of a tempo, or anywhere; at frames."""
    cuts, time_s = [], 0.0
    while True:
        gap_s = USUAL_S * float(np.clip(rng.lognormal(-0.12, 0.5), 0.2, 2.2))
        if tempo_bpm is not None:
            gap_s = max(round(gap_s * tempo_bpm / 60), 1) * 60 / tempo_bpm
        time_s += gap_s
        if time_s > SECONDS - 1.5:
            return np.array(cuts)
        cuts.append(round(time_s * FPS) / FPS)


def render_pool(count: int = 12) -> list[np.ndarray]:
    """Return shots, uint8 (frames, height, width, 3): scenes in moods that are not cut, without a fade."""
    pool = []
    for number in range(count):
        rng = np.random.default_rng([number, 7])
        shot = render_pictures(
            _SCENES[number % len(_SCENES)],
            number,
            duration_s=_FADE_S + LONGEST_S,
            fps=FPS,
            size=SIZE,
            valence=float(rng.uniform(-1, 1)),
            arousal=float(rng.uniform(-1, -0.6)),
            tempo_bpm=1.0,  # whose second beat comes when the shot is over
        )
        pool.append(np.stack(list(islice(shot, round(_FADE_S * FPS), None))))
    return pool


def shots_of(
    pool: Sequence[np.ndarray], rng: np.random.Generator, cuts_s: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield the frames of a film, each shot another one of the pool."""
    before = -1
    for begin_s, end_s in pairwise([0.0, *cuts_s, SECONDS]):
        before = int(rng.choice([number for number in range(len(pool)) if number != before]))
        yield from pool[before][: round((end_s - begin_s) * FPS)]


def make_films(count: int, folder: Path) -> Iterator[Film]:
    """Yield films."""
    pool = render_pool()
    silence = np.zeros((2, round(SECONDS * RATE_HZ)), np.float32)
    for seed in range(count):
        rng = np.random.default_rng([seed, 3])
        cuts_s = draw_cuts(rng, float(rng.uniform(70, 150)) if seed % 2 else None)
        path = folder / f"{seed}.mp4"
        write_video(path, shots_of(pool, rng, cuts_s), silence, fps=FPS)
        yield Film("on beats" if seed % 2 else "anywhere", cuts_s, path)


def near(
    moments_s: Sequence[float] | np.ndarray, others_s: np.ndarray, within_s: float = NEAR_S
) -> list[bool]:
    """Tell of each moment whether another is near."""
    if not len(others_s):
        return [False] * len(moments_s)
    return [bool(np.abs(others_s - moment).min() <= within_s) for moment in moments_s]


def share(rows: Sequence[Sequence[bool]]) -> str:
    """Return a percentage over all, with its interval over films."""
    rng = np.random.default_rng(0)
    right, all_of = (np.array([call(row) for row in rows]) for call in (_sum, len))
    drawn = rng.integers(len(rows), size=(_DRAWS, len(rows)))
    shares = 100 * right[drawn].sum(axis=1) / np.maximum(all_of[drawn].sum(axis=1), 1)
    low, high = np.percentile(shares, (2.5, 97.5))
    return f"{100 * right.sum() / all_of.sum():.1f} % [{low:.1f}, {high:.1f}]"


def _sum(row: Sequence[bool]) -> int:
    return sum(row)


def onsets_s(piece: Arrangement) -> np.ndarray:
    """Return when the strongest sounds begin in a piece that is played, as many as it has beats."""
    audio = piece.render(RATE_HZ)
    mono = np.asarray(soxr.resample(audio.samples.mean(axis=0), RATE_HZ, HEARD_HZ), np.float32)
    found = find_onsets(mono, HEARD_HZ)
    return strongest_s(found.whole, found.rate_hz, len(beats_s(piece)))


def strongest_s(strength: np.ndarray, rate_hz: float, count: int) -> np.ndarray:
    """Return when the strongest peaks of a curve come, a tenth of a second apart at least, in order."""
    peaks, _ = find_peaks(strength, distance=round(0.1 * rate_hz))
    strong = peaks[np.argsort(-strength[peaks], kind="stable")[:count]]
    return np.sort(strong) / rate_hz


def measure(count: int, heard: int, folder: Path) -> dict[str, Any]:
    """Return the figures of some films."""
    arranger, manner = Arranger().load(), MANNERS["cuts"]
    films, found, followed, free = [], [], [], []
    for number, film in enumerate(make_films(count, folder)):
        events = watch_cuts(film.path)
        request = Request(SECONDS, seed=number)
        films.append(film)
        found.append(np.array([event.time_s for event in events]))
        followed.append(arrange_to(events, manner, arranger, request)[0])
        free.append(arranger.arrange(request))
    figures: dict[str, Any] = {
        "films": count,
        "cuts": int(sum(len(film.cuts_s) for film in films)),
        "cuts that were seen, within a frame": share(
            [near(film.cuts_s, each, 1.01 / FPS) for film, each in zip(films, found, strict=True)]
        ),
        "seen that are none": share(
            [[not hit for hit in near(each, film.cuts_s)] for film, each in zip(films, found, strict=True)]
        ),
    }
    for kind in ("all", "on beats", "anywhere"):
        chosen = [index for index, film in enumerate(films) if kind in ("all", film.kind)]
        if not chosen:
            continue
        figures[kind] = {
            f"{where}, {name}": share(
                [near(films[index].cuts_s, times_of(pieces[index])) for index in chosen]
            )
            for where, times_of in (("a beat", beats_s), ("a downbeat", downbeats_s))
            for name, pieces in (("followed", followed), ("not followed", free))
        }
    figures["bars"] = bars_of(followed)
    if heard:
        figures["heard"] = hear(films[:heard], followed[:heard], free[:heard])
    return figures


def hear(films: list[Film], followed: list[Arrangement], free: list[Arrangement]) -> dict[str, Any]:
    """Return how many cuts have an onset near them in the sound."""
    played, other = [onsets_s(piece) for piece in followed], [onsets_s(piece) for piece in free]
    cuts = [film.cuts_s for film in films]
    return {
        "films": len(films),
        "a strong onset, followed": share([near(*pair) for pair in zip(cuts, played, strict=True)]),
        "a strong onset, not followed": share([near(*pair) for pair in zip(cuts, other, strict=True)]),
        "a strong onset in the music of another film": share(
            [near(*pair) for pair in zip(cuts, played[1:] + played[:1], strict=True)]
        ),
    }


def beats_s(piece: Arrangement) -> np.ndarray:
    """Return when the beats of a piece come, up to its last chord."""
    *bars, last = piece.score.timeline.beats_s()
    return np.array([*(beat for bar in bars for beat in bar), last[0]])


def downbeats_s(piece: Arrangement) -> np.ndarray:
    """Return when its bars begin."""
    return np.array(piece.score.timeline.starts_s[:-1])


def bars_of(pieces: list[Arrangement]) -> dict[str, float]:
    """Return how bars differ: from the tempo of the piece and from each other, in percent, and in beats."""
    off, change, short, count = 0.0, 0.0, 0, 0
    for piece in pieces:
        timeline = piece.score.timeline
        bpm = 60 * np.array(timeline.beats[:-1]) / np.diff(timeline.starts_s[:-1])
        off = max(off, float(np.abs(bpm / piece.plan.tempo_bpm - 1).max()))
        change = max(change, float(np.abs(bpm[1:] / bpm[:-1] - 1).max(initial=0)))
        short += sum(beats < piece.plan.beats for beats in timeline.beats[:-1])
        count += len(bpm)
    return {
        "greatest deviation from the tempo, %": round(100 * off, 2),
        "greatest change from bar to bar, %": round(100 * change, 2),
        "shortened, %": round(100 * short / count, 1),
    }


def draw_dances(count: int, folder: Path) -> Iterator[tuple[Path, np.ndarray]]:
    """Yield films of dancers, with the beats that they move on."""
    silence = np.zeros((2, round(DANCE_S * RATE_HZ)), np.float32)
    for seed in range(count):
        rng = np.random.default_rng([seed, 5])
        tempo_bpm = float(rng.uniform(80, 140))
        frames = render_pictures(
            "dancers",
            seed,
            duration_s=DANCE_S,
            fps=FPS,
            size=SIZE,
            valence=float(rng.uniform(-1, 1)),
            arousal=float(rng.uniform(-0.15, 0.9)),
            tempo_bpm=tempo_bpm,
        )
        path = folder / f"dance-{seed}.mp4"
        write_video(path, frames, silence, fps=FPS)
        yield path, np.arange(0.0, DANCE_S, 60 / tempo_bpm)


def f_measure(found_s: np.ndarray, true_s: np.ndarray, within_s: float = 0.07) -> float:
    """Return F of moments against true ones, both ascending."""
    pairs, one, other = 0, 0, 0
    while one < len(found_s) and other < len(true_s):
        gap_s = found_s[one] - true_s[other]
        near_s = abs(gap_s) <= within_s
        pairs += near_s
        one, other = one + (near_s or gap_s < 0), other + (near_s or gap_s > 0)
    return 2 * pairs / max(len(found_s) + len(true_s), 1)


def measure_motion(count: int, heard: int, folder: Path) -> dict[str, Any]:
    """Return the figures of films of dancers."""
    arranger = Arranger().load()
    truths, followed, free = [], [], []
    for number, (path, true_s) in enumerate(draw_dances(count, folder)):
        request = Request(DANCE_S, seed=number)
        followed.append(arrange_to(watch_motion(path), MANNERS["motion"], arranger, request)[0])
        free.append(arranger.arrange(request))
        truths.append(true_s)
    figures = {"films": count, "beats, followed": mean_f([beats_s(piece) for piece in followed], truths)}
    figures["beats, not followed"] = mean_f([beats_s(piece) for piece in free], truths)
    others = [
        _f_until(beats_s(piece), true_s)
        for one, piece in enumerate(followed)
        for other, true_s in enumerate(truths)
        if one != other
    ]
    figures["beats, of another film"] = round(float(np.mean(others)), 3)
    figures["bars"] = bars_of(followed)
    if heard:
        played = [onsets_s(piece) for piece in followed[:heard]]
        figures["films heard"] = heard
        figures["strong onsets, followed"] = mean_f(played, truths[:heard])
        figures["strong onsets, of another film"] = mean_f(played[1:] + played[:1], truths[:heard])
    return figures


def _f_until(found_s: np.ndarray, true_s: np.ndarray) -> float:
    """Return F up to the last that was found, which is the last chord."""
    return f_measure(found_s, true_s[true_s <= found_s[-1] + NEAR_S])


def mean_f(found: list[np.ndarray], truths: list[np.ndarray]) -> str:
    """Return the mean F over films, with its interval."""
    values = np.array([_f_until(*pair) for pair in zip(found, truths, strict=True)])
    drawn = np.random.default_rng(0).integers(len(values), size=(_DRAWS, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.follow", description=__doc__)
    parser.add_argument("--films", type=int, default=30, metavar="N", help="how many (30)")
    parser.add_argument(
        "--heard", type=int, default=10, metavar="N", help="of how many the sound is judged (10)"
    )
    parser.add_argument("--only", choices=tuple(MANNERS), help="what is followed (both)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for follow, figures_of in (("cuts", measure), ("motion", measure_motion)):
        if options.only in (None, follow):
            with TemporaryDirectory() as folder:
                figures = figures_of(options.films, options.heard, Path(folder))
            print(follow, json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
