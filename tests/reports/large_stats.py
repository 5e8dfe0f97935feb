"""Invented statistics of a dataset of any size, of the form that the schema describes."""

import base64
import zlib

import numpy as np
import pyarrow as pa

from leitmotif.reports.statistics.histogram import readable_histogram, score_histogram
from leitmotif.taxonomy.labels import load

RULES = (
    ("audio-stream", "probe", "at least", "streams", 1.0),
    ("too-short", "probe", "at least", "s", 1.0),
    ("too-long", "probe", "at most", "s", 1200.0),
    ("motion", "motion", "at least", "share of full scale", 0.002),
    ("text", "motion", "at most", "share of the picture", 0.99),
    ("silence", "audio", "at least", "dBFS", -60.0),
    ("vocal", "vocals", "at most", "probability", 0.1),
    ("pam", "quality", "at least", "probability", 0.95),
    ("near-duplicate", "fingerprint", "at most", "similarity", 0.5),
)
STAGES = ["probe", "motion", "audio", "tagging", "vocals", "quality", "fingerprint"]


def large_stats(clips: int = 100_000, seed: int = 0) -> dict:
    """Return statistics of a dataset cut from `clips` catalogued clips."""
    rng = np.random.default_rng(seed)
    live, funnel, rules, kept = _funnel(rng, clips)
    splits = {"train": kept - 2 * (kept // 10), "validation": kept // 10, "test": kept // 10}
    taxonomy = load()
    labels = {
        kind: [label.id for label in getattr(taxonomy, kind)] for kind in ("instruments", "genres", "moods")
    }
    tags = {kind: _zipf(names, kept, 1.2) for kind, names in labels.items()}
    lost = {step["kind"]: 0 for step in funnel}
    for step in funnel:
        lost[step["kind"]] += step["lost"]
    tempo = rng.normal(112, 24, kept)
    score_edges = np.linspace(0, 1, 41)
    shares = {
        kind: {tag: min(1.0, count / kept) for tag, count in counts.items()} for kind, counts in tags.items()
    }
    words = _histogram(rng.gamma(20, 1.2, kept).round(), "words")
    return {
        "schema_version": 1,
        "kind": "dataset",
        "dataset": f"invented-{clips}",
        "recipe": "music-video",
        "profile": "paper",
        "version": "0.1.0",
        "counts": {
            "catalogued": clips,
            "kept": kept,
            "rejected": lost["rule"],
            "quarantined": lost.get("quarantined", 0),
        },
        "rows": splits,
        "hours": {split: round(count * 200 / 3600, 4) for split, count in splits.items()},
        "rejected": {
            step["step"]: {
                "count": step["lost"],
                "threshold": rules.get(step["step"], {}).get("threshold"),
                "min": None,
                "max": None,
            }
            for step in funnel
            if step["kind"] == "rule"
        },
        "quarantined": {
            "audio": {"count": lost["quarantined"], "errors": {"DecodeFailed": lost["quarantined"]}}
        },
        "funnel": funnel,
        "rules": rules,
        "asked_only": {},
        "live": live,
        "histograms": {
            "duration_s": _histogram(rng.gamma(9, 23, kept), "s", {"too-short": 1.0, "too-long": 1200.0}),
            "motion": _histogram(rng.gamma(2, 0.02, kept), "share of full scale", {"motion": 0.002}),
            "tempo_bpm": _histogram(tempo, "BPM"),
            "vocal_score": _histogram(rng.beta(1, 24, kept), "0..1", {"vocal": 0.1}),
            "pam_score": _histogram(1 - 0.05 * rng.beta(1, 3, kept), "0..1", {"pam": 0.95}),
            "caption_words": words,
        },
        "lexical_diversity": {
            "mtld": _histogram(rng.gamma(30, 1.5, kept), "words"),
            "threshold": 0.72,
            "unrepeated": kept // 9,
            "type_token_ratio": _histogram(rng.beta(30, 3, kept), "0..1"),
            "joined": {
                "captions": 5000,
                "of": kept,
                "words": 120_000,
                "mtld": 74.2,
                "type_token_ratio": 0.021,
            },
        },
        "tempo_density": {
            "count": kept,
            "bandwidth_bpm": 2.4,
            "bpm": np.linspace(40, 200, 200).round(3).tolist(),
            "density": (
                np.exp(-((np.linspace(40, 200, 200) - 112) ** 2) / (2 * 24**2)) / (24 * 2.5066)
            ).tolist(),
        },
        "tempo_by_genre": {
            "edges": np.arange(40, 205, 5.0).tolist(),
            "genres": {
                genre: {
                    "count": count,
                    "mean": 100.0 + at,
                    "quartiles": [90.0 + at, 100.0 + at, 115.0 + at],
                    "counts": np.histogram(rng.normal(100 + at, 18, count), np.arange(40, 205, 5.0))[
                        0
                    ].tolist(),
                }
                for at, (genre, count) in enumerate(tags["genres"].items())
            },
        },
        "motion_tempo": {
            "count": kept,
            "tempo_edges": np.arange(40, 205, 5.0).tolist(),
            "motion_edges": np.linspace(0, 0.2, 21).round(3).tolist(),
            "counts": np.histogram2d(
                rng.gamma(2, 0.02, kept), tempo, (np.linspace(0, 0.2, 21), np.arange(40, 205, 5.0))
            )[0]
            .astype(int)
            .tolist(),
            "pearson": 0.012,
            "spearman": 0.009,
        },
        "tags": tags,
        "untagged": {"instruments": 12, "genres": 340, "moods": 5},
        "unused_tags": {"instruments": [], "genres": [], "moods": []},
        "families": {
            "strings": 4 * kept // 5,
            "keyboards": kept // 2,
            "winds": kept // 9,
            "percussion": kept // 3,
            "others": 0,
        },
        "cooccurrence": _together(rng, tags),
        "tag_scores": {
            "edges": score_edges.tolist(),
            "kinds": {
                kind: {
                    tag: {
                        "count": count,
                        "min": 0.19,
                        "max": 0.7,
                        "mean": 0.31,
                        "counts": np.histogram(0.19 + 0.5 * rng.beta(2, 6, count), score_edges)[0].tolist(),
                    }
                    for tag, count in counts.items()
                }
                for kind, counts in tags.items()
            },
        },
        "sizes": {"1920×1080": kept - kept // 9, "640×360": kept // 9},
        "tempo_classes": {"medium": kept // 2, "fast": kept // 3, "slow": kept // 6},
        "keys": _zipf(
            [
                f"{note} {mode}"
                for note in ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
                for mode in ("major", "minor")
            ],
            kept,
            0.5,
            once=True,
        ),
        "licenses": {"unknown": kept - kept // 5, "CC-BY-4.0": kept // 5},
        "caption_backends": {"vllm": kept},
        "caption_prompts": {"music-sentence-v1": kept},
        "vocabulary": {
            "words": 24 * kept,
            "distinct": 9120,
            "top": _zipf([f"word{n}" for n in range(100)], 24 * kept, 1.0),
        },
        "languages": {
            "counts": _zipf(["en", "es", "de", "ja", "ar", "pt", "und"], 20_000, 1.6, once=True),
            "measured": 20_000,
            "of": kept,
            "seed": 0,
            "method": "py3langid over title and description",
            "least_letters": 4,
            "least_confidence": 0.4,
        },
        "artists": {
            "named": kept,
            "unnamed": 0,
            "distinct": 7000,
            "top": _zipf([f"Artist {n}" for n in range(100)], kept, 1.0),
            "share_top_1": 0.011,
            "share_top_10": 0.06,
            "share_top_100": 0.21,
            "gini": 0.62,
        },
        "duplicates": {
            "exact": {
                "clips": 40,
                "groups": 30,
                "sizes": {"2": 25, "3": 5},
                "largest": [{"source_id": "a", "copies": 2}],
            },
            "near": {
                "clips": 900,
                "groups": 700,
                "sizes": {"2": 600, "4": 100},
                "largest": [{"source_id": "b", "copies": 3}],
            },
        },
        "split_balance": {
            split: {
                "clips": count,
                "share": count / kept,
                "hours": count * 200 / 3600,
                "total_variation": {"instruments": 0.01, "genres": 0.02, "moods": None},
                "shares": shares,
            }
            for split, count in splits.items()
        },
        "leakage": {
            "artist": {"known": kept, "groups": 7000, "violations": 0, "clips": 0, "examples": []},
            "source": {"known": kept, "groups": kept, "violations": 0, "clips": 0, "examples": []},
            "url": {
                "known": kept,
                "groups": kept,
                "violations": 1,
                "clips": 2,
                "examples": ["https://video.example/1"],
            },
            "recording": None,
        },
        "embedding_map": {
            "method": "principal component analysis",
            "seed": 0,
            "of": kept,
            "explained": [0.21, 0.12],
            "clip_id": [f"clip{n}" for n in range(2000)],
            "name": [f"Song {n}" for n in range(2000)],
            **{axis: rng.normal(rng.integers(0, 5, 2000), 0.5).round(4).tolist() for axis in "xy"},
            "genre": [list(tags["genres"])[n % 11] if n % 13 else None for n in range(2000)],
        },
        "representation": {
            "under_share": 0.01,
            **{
                kind: {
                    "labels": len(counts),
                    "used": len(counts),
                    "entropy_bits": 3.4,
                    "evenness": 0.81,
                    "under": {tag: count / kept for tag, count in list(counts.items())[-3:]},
                }
                for kind, counts in tags.items()
            },
            "languages": {"used": 6, "entropy_bits": 1.3, "evenness": 0.5, "most": "en", "share_most": 0.71},
        },
        "sample": {"seed": 0, "rows": 20_000, "of": kept, "method": "runs of rows"},
        "models": {"tagging": {"laion/larger_clap_music@abc": kept}},
        "embedded_models": [],
        "small_models": [],
        "retrieved": ["2026-03-01", "2026-04-01"],
    }


def _funnel(rng: np.random.Generator, clips: int) -> tuple[dict, list, dict, int]:
    """Return the joint table, the funnel, the rules' histograms and how many clips pass."""
    values = {
        "audio-stream": np.where(rng.random(clips) < 0.01, 0.0, 1.0),
        "too-short": rng.gamma(9, 23, clips),
        "motion": rng.gamma(1.2, 0.03, clips),
        "text": rng.beta(5, 1, clips),
        "silence": rng.normal(-20, 9, clips),
        "vocal": rng.beta(0.4, 1, clips),
        "pam": 1 - rng.beta(1, 12, clips),
        "near-duplicate": rng.beta(1, 9, clips),
    }
    values["too-long"] = values["too-short"]
    failed = rng.random(clips) < 0.004
    codes, described, rules = {}, [], {}
    alive, steps = np.ones(clips, bool), []
    for name, stage, keep, unit, threshold in RULES:
        if stage == "audio" and failed is not None:
            quarantined, failed = alive & failed, None
            alive &= ~quarantined
            steps.append(("audio", "quarantined", quarantined))
        stops = np.unique([*np.quantile(values[name], np.linspace(0, 1, 60)).round(6), threshold])
        least = keep == "at least"
        codes[name] = np.searchsorted(stops, values[name], side="right" if least else "left").astype(np.uint8)
        passes = values[name] >= threshold if least else values[name] <= threshold
        edges = np.linspace(values[name].min(), values[name].max() + 1e-9, 41)
        rules[name] = {
            "stage": stage,
            "unit": unit,
            "keep": keep,
            "threshold": threshold,
            "why": f"why {name} matters",
            "reached": int(alive.sum()),
            "passed": int((alive & passes).sum()),
            "missing": 0,
            "edges": edges.round(9).tolist(),
            "counts": np.histogram(values[name][alive], edges)[0].tolist(),
        }
        described.append(
            {
                "name": name,
                "stage": stage,
                "keep": keep,
                "unit": unit,
                "threshold": threshold,
                "stops": stops.tolist(),
            }
        )
        steps.append((name, "rule", alive & ~passes))
        alive &= passes
    duration = np.minimum(values["too-short"] / 0.1, 65535).astype("<u2")
    hours = duration.astype(float) * 0.1 / 3600
    left = np.ones(clips, bool)
    funnel = [_step("catalogued", "catalogued", left, ~left, hours)]
    for name, kind, gone in steps:
        left = left & ~gone
        funnel.append(_step(name, kind, left, gone, hours))
    funnel.append(_step("kept", "kept", left, ~np.ones(clips, bool), hours))
    stop = np.where(quarantined, 2 * STAGES.index("audio") + 1, 255).astype(np.uint8)
    packed = b"".join(column.tobytes() for column in (*codes.values(), stop, duration))
    live = {
        "clips": clips,
        "of": clips,
        "left_out": 0,
        "seed": None,
        "stages": STAGES,
        "rules": described,
        "duration_step_s": 0.1,
        "columns": [*codes, "stop", "duration"],
        "encoding": "base64 of zlib (RFC 1950) of the columns one after the other",
        "approximate": ["near-duplicate"],
        "data": base64.b64encode(zlib.compress(packed)).decode(),
    }
    return live, funnel, rules, int(left.sum())


def _step(name: str, kind: str, left: np.ndarray, gone: np.ndarray, hours: np.ndarray) -> dict:
    return {
        "step": name,
        "kind": kind,
        "clips": int(left.sum()),
        "lost": int(gone.sum()),
        "hours": round(float(hours[left].sum()), 4),
        "lost_hours": round(float(hours[gone].sum()), 4),
        "unknown": 0,
    }


def _histogram(values: np.ndarray, unit: str, thresholds: dict[str, float] | None = None) -> dict:
    low, high = float(values.min()), float(values.max())
    histogram = score_histogram() if unit == "0..1" else readable_histogram(low, high, whole=unit == "words")
    histogram.add(pa.array(values))
    return histogram.describe(unit) | {"thresholds": thresholds or {}}


def _zipf(names: list[str], total: int, power: float, *, once: bool = False) -> dict[str, int]:
    """Return counts that fall with the rank; with `once`, they add up to about the total."""
    weights = 1 / np.arange(1, len(names) + 1) ** power
    scale = total / weights.sum() if once else 0.6 * total
    return {name: int(weight * scale) for name, weight in zip(names, weights, strict=True)}


def _together(rng: np.random.Generator, tags: dict) -> dict:
    labels = [{"kind": kind, "tag": tag} for kind in tags for tag in list(tags[kind])[:13]]
    counts = rng.gamma(0.7, 900, (len(labels), len(labels))).astype(int)
    counts = np.triu(counts) + np.triu(counts, 1).T
    return {"labels": labels, "counts": counts.tolist()}
