"""Measure the arranger against what it was asked for: `python -m bench.quality.arranger`.

Random requests (genre, mood, tempo, key, one or two instruments) are arranged, and judged by what never knew
of them: tempo and key by the product's own rules, instruments by the tags of the profile `embedded`, moods by
two judges. Requests stay within what their genre has: a mood and a tempo of its span, major for pleasant
moods and minor for unpleasant ones; and instruments that somebody in the profile speaks for.

An estimated tempo of twice or half the one that was asked for is wrong; a key is right where it is the one
that was asked for, or its relative. The family of an instrument is found where one of the published tags of
the piece (at most four, above the profile's threshold) is of it.

Judges of mood: `clap` takes where clap-mini's cosines to all moods lie on the whole. `rules` takes the mode
of the estimated key for valence, and for arousal what musicnn says of words such as "fast" and "loud" against
"slow" and "quiet", against the median of all pieces. How well these judges do on music that is not the
arranger's is measured beside it, on rendered music of known mood (--demo).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from leitmotif.encoders.windows import track_windows
from leitmotif.generators.arranger.arranger import Arranger
from leitmotif.generators.arranger.attributes import key_name, key_of
from leitmotif.generators.generator import Request
from leitmotif.music.render import render_music
from leitmotif.music.styles import STYLES
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.tagging.clap import label_embeddings
from leitmotif.tagging.joined import JoinedScores
from leitmotif.tagging.key import estimate_key
from leitmotif.tagging.rhythm import find_onsets, layers_of, tempo_of_layers
from leitmotif.tagging.select import select_by_kind
from leitmotif.taxonomy import labels
from leitmotif.taxonomy.speakers import load_speakers
from leitmotif.weights.adapters import TAGGER

RATE_HZ, HEARD_HZ = 44_100, 22_050
MAX_WINDOWS = 24  # as of the stage tagging
TEMPO_WITHIN = 0.02
FIRST_DEMO_SEED = 90_000  # of music that no model here was trained on
_SHARPNESS = 20.0
# Words of musicnn, of MagnaTagATune and of the Million Song Dataset.
_EXCITED = ("mtt:fast", "mtt:loud", "mtt:beat", "msd:party")
_STILL = ("mtt:slow", "mtt:quiet", "mtt:soft", "msd:Mellow", "msd:chill")


@dataclass(frozen=True)
class Heard:
    """What the judges say of a piece."""

    tempo_bpm: float | None
    key: str | None
    families: frozenset[str]
    clap: tuple[float, float]
    lively: float


class Judges:
    """Everything that listens; nothing of it knows of the request."""

    def __init__(self) -> None:
        self.plan = make_plan("music-track", "embedded")
        settings = dict.fromkeys(("revision", "tokenizer")) | dict(self.plan.stages["tagging"])
        self.taxonomy = labels.load()
        self.speakers = load_speakers(self.taxonomy)
        self.clap = encoder_cache.clap_of(settings)
        self.tagger = encoder_cache.encoder(TAGGER, "musicnn", settings)
        self.joined = JoinedScores(self.taxonomy.all_tags(), self.speakers, self.tagger.labels)
        self.embedded = label_embeddings(self.clap, self.taxonomy)
        self.moods = np.array([(mood.valence, mood.arousal) for mood in self.taxonomy.moods])
        self.family = {label.id: str(label.family) for label in self.taxonomy.instruments}

    @property
    def spoken_for(self) -> list[str]:
        """Labels of instruments that somebody hears."""
        known = self.speakers
        return [
            each.id for each in self.taxonomy.instruments if each.id in known.words or each.id in known.clap
        ]

    def hear(self, sound: np.ndarray) -> Heard:
        """Judge a sound, float32 (2, n) at `RATE_HZ`."""
        mono = sound.mean(axis=0)
        slow = _resampled(mono, HEARD_HZ)
        onsets = find_onsets(slow, HEARD_HZ)
        layers = layers_of(onsets)
        windows = self._windows(mono, self.clap)
        mean = np.asarray(self.clap.embed_windows(windows), np.float64).mean(axis=0)
        cosines = self.embedded @ (mean / np.linalg.norm(mean))
        said = np.asarray(self.tagger.score_windows(self._windows(mono, self.tagger))).mean(axis=0)
        scores = [np.nan if score is None else score for score in self.joined.score(cosines, said)]
        tags = select_by_kind(scores, self.taxonomy, self.plan.tags)["instruments"]
        near = cosines[-len(self.moods) :]
        weights = np.exp(_SHARPNESS * (near - near.max()))
        valence, arousal = weights @ self.moods / weights.sum()
        return Heard(
            tempo_bpm=None if layers is None else tempo_of_layers(*layers, onsets.rate_hz),
            key=estimate_key(slow, HEARD_HZ),
            families=frozenset(self.family[tag["tag"]] for tag in tags),
            clap=(float(valence), float(arousal)),
            lively=self._lively(said),
        )

    def _windows(self, mono: np.ndarray, encoder: Any) -> Any:
        rate_hz = int(encoder.rate_hz)
        return track_windows(iter([_resampled(mono, rate_hz)]), rate_hz, encoder.window_s, MAX_WINDOWS)

    def _lively(self, said: np.ndarray) -> float:
        places = {tag: place for place, tag in enumerate(self.tagger.labels)}
        up, down = (np.sum([said[places[word]] for word in words]) for words in (_EXCITED, _STILL))
        return float(np.log(up / down))


def _resampled(mono: np.ndarray, rate_hz: int) -> np.ndarray:
    return np.asarray(soxr.resample(mono, RATE_HZ, rate_hz), np.float32)


def draw_requests(count: int, seconds: float, instruments: list[str], seed: int) -> Iterator[Request]:
    """Yield requests, each with attributes that go together."""
    rng = np.random.default_rng(seed)
    moods = labels.load().moods
    for number in range(count):
        genre = str(rng.choice(list(STYLES)))
        style = STYLES[genre]
        fitting = [
            mood
            for mood in moods
            if style.valence[0] <= (mood.valence or 0) <= style.valence[1]
            and style.arousal[0] <= (mood.arousal or 0) <= style.arousal[1]
        ]
        mood = fitting[int(rng.integers(len(fitting)))]
        low, high = style.tempo_bpm
        key = key_name(int(rng.integers(12)), (mood.valence or 0) < 0)
        chosen = rng.choice(instruments, int(rng.integers(1, 3)), replace=False)
        attributes = {
            "genre": genre,
            "mood": mood.id,
            "tempo": f"{rng.uniform(low, high):.0f}",
            "key": key,
            "instrument": ",".join(map(str, chosen)),
        }
        yield Request(seconds, seed=seed + number, attributes=attributes)


def judge(request: Request, heard: Heard, family: dict[str, str]) -> dict[str, Any]:
    """Return what of a request was found; moods are judged later, when all pieces are known."""
    wanted = request.attributes
    found = key_of(wanted["key"])
    assert found is not None
    tonic, minor = found
    relative = key_name((tonic + (3 if minor else 9)) % 12, not minor)
    (mood,) = [each for each in labels.load().moods if each.id == wanted["mood"]]
    asked = wanted["instrument"].split(",")
    return {
        **wanted,
        "heard_bpm": None if heard.tempo_bpm is None else round(heard.tempo_bpm, 2),
        "heard_key": heard.key,
        "tempo_right": heard.tempo_bpm is not None
        and abs(heard.tempo_bpm / float(wanted["tempo"]) - 1) <= TEMPO_WITHIN,
        "key_right": heard.key in (wanted["key"], relative),
        "families_found": [family[label] in heard.families for label in asked],
        "quadrant": [(mood.valence or 0) >= 0, (mood.arousal or 0) >= 0],
        "clap": [round(value, 3) for value in heard.clap],
        "lively": round(heard.lively, 3),
    }


def summarise(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return percentages over all requests."""
    wanted = np.array([row["quadrant"] for row in rows])
    clap = np.array([row["clap"] for row in rows]) >= 0
    lively = np.array([row["lively"] for row in rows])
    rules = np.stack(
        [
            np.array([not str(row["heard_key"]).endswith("minor") for row in rows]),
            lively >= np.median(lively),
        ],
        axis=1,
    )
    found = [each for row in rows for each in row.get("families_found", [])]
    figures = {
        "tempo within 2 %": np.mean([row.get("tempo_right", np.nan) for row in rows]),
        "key or its relative": np.mean([row.get("key_right", np.nan) for row in rows]),
        "family of an instrument": np.mean(found) if found else np.nan,
    }
    for name, said in (("clap", clap), ("rules", rules)):
        figures[f"mood quadrant, {name}"] = np.mean((said == wanted).all(axis=1))
        figures[f"valence, {name}"] = np.mean(said[:, 0] == wanted[:, 0])
        figures[f"arousal, {name}"] = np.mean(said[:, 1] == wanted[:, 1])
    return {name: round(100 * float(value), 1) for name, value in figures.items() if not np.isnan(value)}


def hear_demo(judges: Judges, count: int, seconds: float) -> list[dict[str, Any]]:
    """Return what the judges of mood say of rendered music whose mood is known."""
    rng = np.random.default_rng(1)
    rows = []
    for number in range(count):
        valence, arousal = (float(value) for value in rng.uniform(-0.9, 0.9, 2))
        music = render_music(
            FIRST_DEMO_SEED + number,
            duration_s=seconds,
            degraded=False,
            solo=False,
            vocals=False,
            valence=valence,
            arousal=arousal,
        )
        heard = judges.hear(music.mix)
        rows.append(
            {
                "quadrant": [valence >= 0, arousal >= 0],
                "clap": list(heard.clap),
                "lively": heard.lively,
                "heard_key": heard.key,
            }
        )
    return rows


def main() -> None:
    """Arrange, judge, print the figures, and write them where a file is named."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.arranger", description=__doc__)
    parser.add_argument("--requests", type=int, default=100, metavar="N", help="how many (default: 100)")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="of each (default: 20)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument(
        "--demo", type=int, default=0, metavar="N", help="rendered pieces for the judges of mood"
    )
    parser.add_argument("--rows", type=Path, metavar="FILE", help="write every request as a line of JSON")
    options = parser.parse_args()
    judges, arranger = Judges(), Arranger().load()
    rows = []
    for request in draw_requests(options.requests, options.seconds, judges.spoken_for, options.seed):
        (audio,) = arranger.generate([request])
        rows.append(judge(request, judges.hear(audio.samples), judges.family))
        if options.rows:
            with options.rows.open("a", encoding="utf-8") as file:
                file.write(json.dumps(rows[-1], ensure_ascii=False) + "\n")
    print(json.dumps({"requests": len(rows), **summarise(rows)}, indent=1))
    if options.demo:
        demo = hear_demo(judges, options.demo, options.seconds)
        print("judges of mood on rendered music", json.dumps(summarise(demo), indent=1))


if __name__ == "__main__":
    main()
