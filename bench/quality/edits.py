"""Measure editing by instruction on songs whose stems are known.

    python -m bench.quality.edits [--songs 10] [--separator spleeter] [--media MEDIA [--real-music]]

Accompaniments are rendered; over them sing rendered voices, or the real singers of `separation` that lie in
MEDIA, at equal power, whom real music of there may accompany, too. "remove the vocals" is judged by SI-SDR
against the true accompaniment, beside the mix as it is and what the separator's kind of mask could reach at
most (the oracle: in each bin of its spectrogram the share that the accompaniment has of the energy of both
stems). Levels, by what the edited song is made of: the factors of both true stems that come nearest to it
(least squares), in dB.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from bench.quality.separation import MUSIC, SINGERS, read_sound
from leitmotif.generators.editing.editor import Editor, Tools
from leitmotif.generators.editing.grammar import read_instruction
from leitmotif.generators.editing.recording import Recording
from leitmotif.music.render import render_music
from leitmotif.separation.spleeter import FRAME, HOP

RATE_HZ = 44_100
LENGTH_S = 12.0
FIRST_SEED = 9_200_000  # never one that anything was chosen on
LEVELS = (
    "make the vocals louder by 6 dB",
    "make the vocals softer by 6 dB",
    "make the accompaniment louder by 3 dB",
    "make the accompaniment softer by 6 dB",
)
_EPSILON = 1e-12


def songs(count: int, media: Path | None, real_music: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield voice and accompaniment of songs, float32 (2, n) each, with room above them.

    Louder stems are not to meet the limiter, which is not what is measured.
    """
    singers = [] if media is None else [read_sound(media / name, LENGTH_S) for name in SINGERS]
    tracks = [read_sound(media / name, LENGTH_S) for name in MUSIC] if media and real_music else []
    for number in range(count):
        music = render_music(
            FIRST_SEED + number, duration_s=LENGTH_S, vocals=not singers, solo=False, degraded=False
        )
        if singers:
            rest = tracks[number % len(tracks)] if tracks else music.mix
            sung, length = singers[number // 2 % len(singers)], rest.shape[1]
            voice = np.tile(sung, (1, -(-length // sung.shape[1])))[:, :length]
            voice = voice * np.sqrt(np.square(rest).sum() / np.square(voice).sum())
        else:
            assert music.voice is not None
            voice, rest = music.voice, music.mix - music.voice
        yield 0.3 * voice.astype(np.float32), 0.3 * rest.astype(np.float32)


def si_sdr_db(truth: np.ndarray, found: np.ndarray) -> float:
    """Return the scale-invariant signal-to-distortion ratio.

    Reference:
        Le Roux et al., SDR - half-baked or well done?, arXiv:1811.02508, equation 2.
    """
    truth, found = truth.ravel().astype(np.float64), found.ravel().astype(np.float64)
    part = truth * (found @ truth) / max(float(truth @ truth), _EPSILON)
    return 10 * float(np.log10((part @ part) / max(float(np.square(found - part).sum()), _EPSILON)))


def oracle(voice: np.ndarray, music: np.ndarray) -> np.ndarray:
    """Return the accompaniment by the mask that the true stems give, shape (2, n)."""
    window = torch.hann_window(FRAME)

    def spectrum(sound: np.ndarray) -> torch.Tensor:
        return torch.stft(torch.from_numpy(sound), FRAME, HOP, window=window, return_complex=True)

    energies = [spectrum(part).abs().square() for part in (voice, music)]
    masked = spectrum(voice + music) * energies[1] / (energies[0] + energies[1] + _EPSILON)
    return torch.istft(masked, FRAME, HOP, window=window, length=voice.shape[1]).numpy()


def factors_db(edited: np.ndarray, voice: np.ndarray, music: np.ndarray) -> tuple[float, float]:
    """Return by how much voice and accompaniment are louder in an edited song."""
    stems = np.stack([voice.ravel(), music.ravel()], axis=1).astype(np.float64)
    factors = np.linalg.lstsq(stems, edited.ravel().astype(np.float64), rcond=None)[0]
    first, second = 20 * np.log10(np.maximum(np.abs(factors), 1e-6))
    return float(first), float(second)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--songs", type=int, default=10)
    parser.add_argument("--separator")
    parser.add_argument("--media", type=Path)
    parser.add_argument("--real-music", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    removed: list[tuple[float, float, float]] = []
    levels: dict[str, list[tuple[float, float]]] = {text: [] for text in LEVELS}
    with Editor(Tools(separator=options.separator)) as editor:
        for voice, music in songs(options.songs, options.media, options.real_music):
            mix = voice + music
            without = edited(editor, mix, "remove the vocals")
            states = (mix, without, oracle(voice, music))
            removed.append(tuple(si_sdr_db(music, state) for state in states))  # type: ignore[arg-type]
            for text, found in levels.items():
                found.append(factors_db(edited(editor, mix, text), voice, music))
    before, after, best = np.median(removed, axis=0)
    print(f"{options.songs} songs of {LENGTH_S:g} s; medians")
    print(f"remove the vocals: SI-SDR {before:.1f} dB as it is, {after:.1f} edited, {best:.1f} by the oracle")
    for text, found in levels.items():
        (edit,) = read_instruction(text)
        asked_db = edit.gain_db or 0.0
        columns = np.array(found) if edit.target == "vocals" else np.array(found)[:, ::-1]
        target, other = columns.T
        print(
            f"{text}: {np.median(target):+.2f} dB ({np.mean(np.abs(target - asked_db) <= 1):.0%} within 1 dB)"
        )
        print(f"  the other {np.median(other):+.2f} dB ({np.mean(np.abs(other) <= 0.5):.0%} within 0.5 dB)")


def edited(editor: Editor, mix: np.ndarray, text: str) -> np.ndarray:
    """Return an edited mix, shape (2, n) both."""
    recording = Recording(mix.copy(), RATE_HZ)
    editor.apply(recording, read_instruction(text))
    return recording.samples


if __name__ == "__main__":
    main()
