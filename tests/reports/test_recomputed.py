"""Every number of stats.json once more, from the files, with plain pandas and plain Python."""

import base64
import itertools
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from bench.speed.metadata import write_dataset
from leitmotif.filters.rule import discover
from leitmotif.reports.statistics.measure import statistics
from leitmotif.reports.statistics.schema import load_schema
from leitmotif.shards.artists import artist_names
from leitmotif.shards.licenses import license_id
from leitmotif.taxonomy.labels import load

ROWS = 900
KINDS = ("instruments", "genres", "moods")
QUANTITIES = ("duration_s", "motion", "tempo_bpm", "vocal_score", "pam_score")
EDGES = ".,;:!?\"'()[]{}“”‘’…"
# Keys of stats.json that are recomputed here, filled by the tests below.
COVERED: set[str] = set()


def covers(*keys: str) -> Callable:
    COVERED.update(keys)
    return lambda test: test


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A dataset with what the wild brings: gaps, strange texts, an unknown tag, leaks, copies of copies."""
    folder = write_dataset(tmp_path_factory.mktemp("recomputed") / "dataset", rows=ROWS, seed=3, clap_dim=12)
    path = folder / "data" / "validation-00000-of-00001.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[0] |= {
        "motion": math.nan,
        "tempo_bpm": math.inf,
        "caption": None,
        "genres": None,
        "duration_s": None,
    }
    rows[1] |= {"caption": "  ", "title": None, "description": "ok", "artist": "Various Artists"}
    rows[2] |= {"caption": "la la la, LA la? (la) — naïve…", "moods": [{"tag": "haunted", "score": -0.2}]}
    rows[3] |= {"source_id": "video-0", "source_url": None, "recording_id": None, "clap_embedding": None}
    rows[4] |= {"artist": "ARTIST OF TRAIN 1 & Álvaro", "genres": [{"tag": "rock", "score": None}]}
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path, row_group_size=7)
    rejected = pq.read_table(folder / "rejected.parquet")
    copies = [
        ("copy-a", "exact-duplicate", "the same bytes as first"),
        ("copy-b", "near-duplicate", "the same recording as first"),
        ("copy-c", "near-duplicate", "the same recording as copy-b"),
    ]
    table = rejected.slice(0, len(rejected) - 3).to_pylist() + [
        {"clip_id": source, "source_id": source, "source": source, "rule": rule, "value": 1.0}
        | {"threshold": 1.0, "detail": detail}
        for source, rule, detail in copies
    ]
    pq.write_table(pa.Table.from_pylist(table, schema=rejected.schema), folder / "rejected.parquet")
    measured = pq.read_table(folder / "measured.parquet")
    out = [row["clip_id"] for row in rejected.to_pylist()[-3:]]
    lines = [row for row in measured.to_pylist() if row["clip_id"] not in out]
    lines += [
        dict.fromkeys(measured.column_names)
        | {"clip_id": source, "fate": "rejected", "step": rule, "duration_s": 10.0, "failed": False}
        for source, rule, _ in copies
    ]
    lines[5] |= {"motion": None, "step": None}
    pq.write_table(pa.Table.from_pylist(lines, schema=measured.schema), folder / "measured.parquet")
    return folder


@pytest.fixture(scope="module")
def stats(folder) -> dict:
    return statistics(folder)


@pytest.fixture(scope="module")
def frame(folder) -> pd.DataFrame:
    paths = sorted((folder / "data").glob("*.parquet"))
    order = {"train": 0, "validation": 1, "test": 2}
    paths.sort(key=lambda path: (order[path.name.split("-")[0]], path.name))
    parts = [pd.read_parquet(path).assign(split=path.name.split("-")[0]) for path in paths]
    whole = pd.concat(parts, ignore_index=True)
    named = [name if isinstance(name, str) else None for name in whole["artist"]]
    return whole.assign(artist=pd.Series(named, dtype=object))


@pytest.fixture(scope="module")
def tags(frame) -> pd.DataFrame:
    """One line for each tag of each clip."""
    lines = [
        (row, kind, tag["tag"], tag["score"], rank)
        for kind in KINDS
        for row, cell in enumerate(frame[kind])
        for rank, tag in enumerate(cell if cell is not None else ())
    ]
    return pd.DataFrame(lines, columns=["row", "kind", "tag", "score", "rank"])


@pytest.fixture(scope="module")
def rejected(folder) -> pd.DataFrame:
    return pd.read_parquet(folder / "rejected.parquet")


@pytest.fixture(scope="module")
def measured(folder) -> pd.DataFrame:
    return pd.read_parquet(folder / "measured.parquet")


@pytest.fixture(scope="module")
def thresholds(folder) -> dict:
    import yaml

    return yaml.safe_load((folder / "recipe.yaml").read_text())["rules"]


def finite(values) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    return array[np.isfinite(array)]


def count_in(values, edges) -> list[int]:
    """Count values between edges, one by one; what lies outside counts at the ends."""
    counts = [0] * (len(edges) - 1)
    for value in values:
        place = sum(value >= edge for edge in edges) - 1
        counts[min(max(place, 0), len(counts) - 1)] += 1
    return counts


def counted(values) -> dict:
    return dict(Counter(value for value in values if value is not None and value == value))


def check_histogram(entry: dict, values, total: int) -> None:
    known = finite(values)
    assert entry["count"] == len(known) and entry["missing"] == total - len(known)
    assert entry["counts"] == count_in(known, entry["edges"])
    assert entry["min"] == pytest.approx(known.min(), rel=1e-5)
    assert entry["max"] == pytest.approx(known.max(), rel=1e-5)
    assert entry["mean"] == pytest.approx(known.mean(), rel=1e-5)
    series = pd.Series(known)
    for percent in (5, 25, 50, 75, 95):
        assert entry["quantiles"][f"p{percent}"] == pytest.approx(series.quantile(percent / 100), rel=1e-5)


def split_words(caption) -> list[str]:
    parts = caption.split() if isinstance(caption, str) else []
    return [word for part in parts if (word := part.strip(EDGES).lower())]


def mtld(words: list[str]) -> float:
    def one_way(words):
        factors, types, tokens = 0.0, set(), 0
        for word in words:
            types.add(word)
            tokens += 1
            if len(types) / tokens < 0.72:
                factors, types, tokens = factors + 1, set(), 0
        return factors + ((1 - len(types) / tokens) / 0.28 if tokens else 0)

    factors = one_way(words), one_way(words[::-1])
    return (len(words) / factors[0] + len(words) / factors[1]) / 2 if all(factors) else math.nan


def entropy(counts) -> float:
    return -sum(count / sum(counts) * math.log2(count / sum(counts)) for count in counts if count)


def test_every_key_of_the_schema_is_recomputed_here(stats):
    schema = load_schema()
    assert set(schema["properties"]) == COVERED == set(stats)
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(stats, allow_nan=False)))


@covers("schema_version", "kind", "dataset", "recipe", "profile", "version")
def test_what_it_is_called(stats):
    names = ("schema_version", "kind", "dataset", "recipe", "profile", "version")
    assert [stats[name] for name in names] == [1, "dataset", "dataset", "music-video", "paper", "0"]


@covers("counts", "rows", "hours")
def test_counts_rows_and_hours(stats, frame, rejected, folder):
    broken = len(pd.read_parquet(folder / "quarantine.parquet"))
    total = len(frame) + len(rejected) + broken
    assert stats["counts"] == {
        **{"catalogued": total, "kept": len(frame)},
        **{"rejected": len(rejected), "quarantined": broken},
    }
    assert stats["rows"] == frame.groupby("split", sort=False).size().to_dict()
    hours = frame.groupby("split")["duration_s"].sum() / 3600
    assert stats["hours"] == {split: pytest.approx(hours[split], abs=6e-5) for split in stats["rows"]}


@covers("rejected", "quarantined")
def test_rejections_and_quarantines(stats, rejected, thresholds, folder):
    for rule, entry in stats["rejected"].items():
        rows = rejected[rejected["rule"] == rule]
        assert entry["count"] == len(rows)
        assert entry["threshold"] == (rows["threshold"].iloc[0] if len(rows) else thresholds[rule])
        assert entry["min"] == (rows["value"].min() if len(rows) else None)
        assert entry["max"] == (rows["value"].max() if len(rows) else None)
    assert list(stats["rejected"])[: len(thresholds)] == list(thresholds)
    assert set(stats["rejected"]) == set(thresholds) | set(rejected["rule"])
    broken = pd.read_parquet(folder / "quarantine.parquet")
    assert stats["quarantined"] == {
        stage: {"count": len(rows), "errors": counted(rows["error"])}
        for stage, rows in broken.groupby("stage")
    }


@covers("funnel")
def test_the_funnel_with_its_hours(stats, frame, measured, thresholds):
    seconds, clips = frame["duration_s"].sum(), len(frame)
    lost = measured[measured["fate"] != "kept"].fillna({"step": ""})
    left = clips + len(lost), (seconds + lost["duration_s"].sum()) / 3600
    steps = stats["funnel"]
    assert [step["step"] for step in steps] == ["catalogued", "exact-duplicate", "probe", *thresholds, "kept"]
    assert (steps[0]["clips"], steps[0]["hours"]) == (left[0], pytest.approx(left[1], abs=1e-5))
    for step in steps[1:-1]:
        rows = lost[lost["step"] == step["step"]]
        left = left[0] - len(rows), left[1] - rows["duration_s"].sum() / 3600
        assert (step["lost"], step["clips"]) == (len(rows), left[0])
        assert step["lost_hours"] == pytest.approx(rows["duration_s"].sum() / 3600, abs=1e-5)
        assert step["hours"] == pytest.approx(left[1], abs=1e-5)
        assert step["unknown"] == rows["duration_s"].isna().sum()
    assert (steps[-1]["clips"], steps[-1]["hours"]) == (clips, pytest.approx(seconds / 3600, abs=1e-6))


@covers("asked_only")
def test_a_recipe_without_kinds_asks_every_rule_of_every_clip(stats):
    assert stats["asked_only"] == {}


def walk(measured: pd.DataFrame, rules: list, stages: list[str], limits: dict) -> list[str]:
    """Ask the rules of each clip, as the ledger does."""

    def fails(row, rule):
        value = row[rule.name]
        return value < limits[rule.name] if rule.keep == "at least" else value > limits[rule.name]

    def settle(row):
        for stage in stages:
            if row["stopped_at"] == stage:
                return f"{'quarantined' if row['failed'] else 'pending'} {stage}"
            for rule in rules:
                if rule.stage == stage and fails(row, rule):  # a missing number is on neither side
                    return rule.name
        return "kept"

    return [settle(row) for row in measured.to_dict("records")]


def unpack(live: dict) -> dict[str, list[int]]:
    data, columns, start = zlib.decompress(base64.b64decode(live["data"])), {}, 0
    for name in live["columns"]:
        kind = np.dtype("<u2" if name == "duration" else "u1")
        columns[name] = np.frombuffer(data, kind, live["clips"], start).tolist()
        start += live["clips"] * kind.itemsize
    assert start == len(data)
    return columns


def recount(live: dict, chosen: dict[str, int]) -> list[str]:
    """Ask the rules of each row of the packed table, as its description says."""
    columns = unpack(live)

    def settle(row):
        for number, stage in enumerate(live["stages"]):
            stop = columns["stop"][row]
            if stop != 255 and stop // 2 == number:
                return f"{'quarantined' if stop % 2 else 'pending'} {stage}"
            for rule in live["rules"]:
                code, limit = columns[rule["name"]][row], chosen[rule["name"]]
                passes = code == 254 or (code > limit if rule["keep"] == "at least" else code <= limit)
                if rule["stage"] == stage and not passes:
                    return rule["name"]
        return "kept"

    return [settle(row) for row in range(live["clips"])]


@covers("rules", "live")
def test_rules_and_the_live_recount(stats, measured, thresholds):
    known = discover()
    rules = [known[name] for name in stats["rules"]]
    live = stats["live"]
    assert [rule["name"] for rule in live["rules"]] == list(stats["rules"]) and set(stats["rules"]) == set(
        thresholds
    )
    rows = measured[measured["step"] != "exact-duplicate"]
    assert (live["clips"], live["of"], live["left_out"], live["seed"]) == (len(rows), len(rows), 1, None)
    reached = measured.sort_values("clip_id")
    order = {rule: place for place, rule in enumerate(stats["rules"])}
    settled = [
        -1 if step in ("exact-duplicate", "probe") else order[step] if fate == "rejected" else len(order)
        for fate, step in zip(reached["fate"], reached["step"], strict=True)
    ]
    for name, entry in stats["rules"].items():
        values = reached[name][np.array(settled) >= order[name]]
        assert entry["reached"] == len(values)
        assert entry["passed"] == sum(place > order[name] for place in settled)
        assert entry["missing"] == values.isna().sum()
        assert entry["counts"] == count_in(values.dropna(), entry["edges"])
        facts = (entry["stage"], entry["unit"], entry["keep"], entry["threshold"], entry["why"])
        rule = known[name]
        assert facts == (rule.stage, rule.unit, rule.keep, thresholds[name], rule.why)
    rng = np.random.default_rng(0)
    published = {rule["name"]: rule["stops"].index(rule["threshold"]) for rule in live["rules"]}
    others = [
        {rule["name"]: int(rng.integers(len(rule["stops"]))) for rule in live["rules"]} for _ in range(3)
    ]
    one = [published | {name: others[0][name]} for name in ("motion", "too-short")]
    for chosen in (published, *others, *one):
        limits = {rule["name"]: rule["stops"][chosen[rule["name"]]] for rule in live["rules"]}
        assert recount(live, chosen) == walk(rows, rules, live["stages"], limits)
    assert live["approximate"] == ["near-duplicate"]
    lengths = [units * live["duration_step_s"] for units in unpack(live)["duration"]]
    assert lengths == pytest.approx(
        rows["duration_s"].fillna(0).to_list(), abs=0.501 * live["duration_step_s"]
    )


@covers("histograms")
def test_histograms(stats, frame, rejected, thresholds):
    total = len(frame)
    judged = {"duration_s": ["too-short", "too-long"], "motion": ["motion"]}
    for name in QUANTITIES:
        entry = stats["histograms"][name]
        check_histogram(entry, frame[name], total)
        rules = judged.get(name, [])
        assert entry["thresholds"] == {rule: thresholds[rule] for rule in rules}
        values = rejected[rejected["rule"].isin(rules)]["value"]
        assert entry["rejected_counts"] == (count_in(values, entry["edges"]) if len(values) else [])
    words = [len(caption.split()) if isinstance(caption, str) else math.nan for caption in frame["caption"]]
    check_histogram(stats["histograms"]["caption_words"], words, total)


@covers("lexical_diversity", "vocabulary")
def test_words_and_their_variety(stats, frame):
    texts = [split_words(caption) for caption in frame["caption"]]
    values = [mtld(words) if words else math.nan for words in texts]
    ratios = [len(set(words)) / len(words) if words else math.nan for words in texts]
    found = stats["lexical_diversity"]
    check_histogram(found["mtld"], values, len(frame))
    check_histogram(found["type_token_ratio"], ratios, len(frame))
    assert found["threshold"] == 0.72
    assert found["unrepeated"] == sum(len(set(words)) == len(words) > 0 for words in texts) > 0
    joined = [word for words in texts for word in words]
    assert found["joined"]["captions"] == frame["caption"].notna().sum()
    assert (found["joined"]["of"], found["joined"]["words"]) == (len(frame), len(joined))
    assert found["joined"]["mtld"] == pytest.approx(mtld(joined), rel=1e-5)
    assert found["joined"]["type_token_ratio"] == pytest.approx(len(set(joined)) / len(joined), rel=1e-5)
    counts = Counter(joined)
    assert (stats["vocabulary"]["words"], stats["vocabulary"]["distinct"]) == (counts.total(), len(counts))
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:100]
    assert list(stats["vocabulary"]["top"].items()) == most


@covers("tempo_density", "tempo_by_genre", "motion_tempo")
def test_tempo(stats, frame, tags):
    tempos = finite(frame["tempo_bpm"])
    found = stats["tempo_density"]
    width = pd.Series(tempos).std() * len(tempos) ** -0.2
    assert (found["count"], found["bandwidth_bpm"]) == (len(tempos), pytest.approx(width, rel=1e-5))
    for bpm, density in list(zip(found["bpm"], found["density"], strict=True))[::17]:
        kernel = np.exp(-(((tempos - bpm) / width) ** 2) / 2).sum() / math.sqrt(2 * math.pi)
        assert density == pytest.approx(kernel / (len(tempos) * width), rel=1e-3)
    genres = tags[tags["kind"] == "genres"]
    edges = stats["tempo_by_genre"]["edges"]
    assert edges == stats["histograms"]["tempo_bpm"]["edges"]
    for genre, entry in stats["tempo_by_genre"]["genres"].items():
        values = finite(frame["tempo_bpm"].iloc[genres[genres["tag"] == genre]["row"]])
        assert entry["count"] == len(values)
        assert entry["mean"] == pytest.approx(values.mean(), rel=1e-5)
        assert entry["quartiles"] == pytest.approx(np.percentile(values, [25, 50, 75]).tolist(), rel=1e-5)
        assert entry["counts"] == count_in(values, edges)
    assert set(stats["tempo_by_genre"]["genres"]) == set(genres["tag"])
    found = stats["motion_tempo"]
    numbers = frame[["motion", "tempo_bpm"]].astype("float64").replace(math.inf, math.nan).dropna()
    assert found["count"] == len(numbers)
    for row, line in enumerate(found["counts"]):
        low, high = found["motion_edges"][row : row + 2]
        last = row == len(found["counts"]) - 1
        inside = numbers[(numbers["motion"] >= low) & ((numbers["motion"] < high) | last)]
        assert line == count_in(inside["tempo_bpm"], found["tempo_edges"])
    assert found["pearson"] == pytest.approx(numbers["motion"].corr(numbers["tempo_bpm"]), rel=1e-4)
    ranks = numbers.rank()
    assert found["spearman"] == pytest.approx(ranks["motion"].corr(ranks["tempo_bpm"]), rel=1e-4)


@covers("tags", "untagged", "unused_tags", "families", "cooccurrence", "tag_scores")
def test_tags(stats, frame, tags):
    known = load()
    labels = {"instruments": known.instruments, "genres": known.genres, "moods": known.moods}
    for kind in KINDS:
        own = tags[tags["kind"] == kind]
        counts = counted(own["tag"])
        assert stats["tags"][kind] == counts
        ordered = sorted(counts, key=lambda tag: (-counts[tag], tag))
        assert list(stats["tags"][kind]) == ordered
        assert stats["untagged"][kind] == len(frame) - own["row"].nunique()
        assert stats["unused_tags"][kind] == [label.id for label in labels[kind] if label.id not in counts]
        for tag, rows in own.groupby("tag"):
            scores, entry = finite(rows["score"]), stats["tag_scores"]["kinds"][kind][tag]
            assert entry["count"] == len(scores)
            assert (entry["min"], entry["max"]) == pytest.approx((scores.min(), scores.max()), rel=1e-5)
            assert entry["mean"] == pytest.approx(scores.mean(), rel=1e-5)
            assert entry["counts"] == count_in(scores, stats["tag_scores"]["edges"])
    families = {label.id: label.family for label in known.instruments}
    by_family = Counter({family.id: 0 for family in known.families})
    by_family.update(families[tag] for tag in tags[tags["kind"] == "instruments"]["tag"])
    assert stats["families"] == dict(by_family)
    found = stats["cooccurrence"]
    names = [(label["kind"], label["tag"]) for label in found["labels"]]
    rows_of = {name: set(rows["row"]) for name, rows in tags.groupby(["kind", "tag"])}
    most = sorted(rows_of, key=lambda name: (-len(rows_of[name]), name))[:40]
    assert set(names) == set(most)
    for (row, first), (column, second) in itertools.product(enumerate(names), repeat=2):
        assert found["counts"][row][column] == len(rows_of[first] & rows_of[second])


@covers("sizes", "tempo_classes", "keys", "licenses", "caption_backends", "caption_prompts")
@covers("models", "embedded_models", "small_models", "retrieved")
def test_counted_texts(stats, frame):
    assert stats["sizes"] == counted(
        f"{width}×{height}" for width, height in frame[["width", "height"]].to_numpy()
    )
    for key, column in {
        **{"tempo_classes": "tempo_class", "keys": "key"},
        **{"caption_backends": "caption_backend", "caption_prompts": "caption_prompt"},
    }.items():
        assert stats[key] == counted(frame[column])
    assert stats["licenses"] == counted(frame["license"].map(license_id))
    pairs = Counter((pair["backend"], pair["model"]) for cell in frame["models"] for pair in cell)
    assert {
        (backend, model): n for backend, used in stats["models"].items() for model, n in used.items()
    } == pairs
    assert stats["embedded_models"] == stats["small_models"] == []
    assert stats["retrieved"] == [
        str(frame["retrieved_at"].min().date()),
        str(frame["retrieved_at"].max().date()),
    ]


@covers("languages", "sample")
def test_languages(stats, frame):
    found: Counter = Counter()
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    for title, text in zip(frame["title"], frame["description"], strict=True):
        both = "\n".join(part if isinstance(part, str) else "" for part in (title, text))
        plain = re.sub(r"https?://\S+|www\.\S+|\S+@\S+|[#@]\w+", " ", both)[:200]
        letters = sum(letter.isalpha() for letter in plain)
        language, confidence = identifier.classify(plain)
        found[language if letters >= 4 and confidence >= 0.4 else "und"] += 1
    assert stats["languages"]["counts"] == dict(found) and found["und"] == 1
    assert (stats["languages"]["measured"], stats["languages"]["of"]) == (len(frame), len(frame))
    assert stats["languages"]["least_letters"] == 4 and "py3langid" in stats["languages"]["method"]
    assert {name: stats["sample"][name] for name in ("seed", "rows", "of")} == {
        **{"seed": 0, "rows": len(frame), "of": len(frame)}
    }


@covers("artists", "leakage")
def test_artists_and_leaks(stats, frame):
    names = [(row, name) for row, text in enumerate(frame["artist"]) for name in artist_names(text)]
    counts = Counter(name for _, name in names)
    found = stats["artists"]
    assert (
        found["named"] == len({row for row, _ in names}) and found["unnamed"] == len(frame) - found["named"]
    )
    assert found["distinct"] == len(counts)
    values = sorted(counts.values(), reverse=True)
    assert list(found["top"].values()) == values[:100]
    assert {artist_names(name)[0]: count for name, count in found["top"].items()}.items() <= counts.items()
    for most in (1, 10, 100):
        assert found[f"share_top_{most}"] == pytest.approx(sum(values[:most]) / sum(values), rel=1e-5)
    apart = sum(abs(a - b) for a in values for b in values)
    assert found["gini"] == pytest.approx(apart / (2 * len(values) * sum(values)), rel=1e-5)
    frame = frame.assign(artist=[list(artist_names(text)) for text in frame["artist"]])
    columns = {"artist": "artist", "source": "source_id", "url": "source_url", "recording": "recording_id"}
    for key, column in columns.items():
        rows = frame.explode(column).dropna(subset=[column])
        splits = rows.groupby(column)["split"].nunique()
        torn = sorted(splits[splits > 1].index)
        expected = {"known": len(rows), "groups": len(splits), "violations": len(torn)}
        expected |= {"clips": int(rows[column].isin(torn).sum()), "examples": torn[:10]}
        assert stats["leakage"][key] == expected
    assert stats["leakage"]["artist"]["examples"] == ["artistoftrain1", "guest"]
    assert "video-0" in stats["leakage"]["source"]["examples"]


@covers("duplicates")
def test_copies(stats, rejected):
    near = rejected[rejected["rule"] == "near-duplicate"]
    groups = Counter(detail.removeprefix("the same recording as ") for detail in near["detail"])
    groups["first"] += groups.pop("copy-b")
    found = stats["duplicates"]
    assert found["exact"] == {
        **{"clips": 1, "groups": 1, "sizes": {"2": 1}},
        "largest": [{"source_id": "first", "copies": 1}],
    }
    assert (found["near"]["clips"], found["near"]["groups"]) == (len(near), len(groups))
    assert found["near"]["sizes"] == {str(k + 1): n for k, n in Counter(groups.values()).items()}
    ordered = sorted(groups.items(), key=lambda item: (-item[1], item[0]))[:20]
    assert [(entry["source_id"], entry["copies"]) for entry in found["near"]["largest"]] == ordered


@covers("split_balance")
def test_split_balance(stats, frame, tags):
    tags = tags.assign(split=frame["split"].iloc[tags["row"]].to_numpy())
    for split, entry in stats["split_balance"].items():
        rows = frame[frame["split"] == split]
        assert entry["clips"] == len(rows) and entry["share"] == pytest.approx(
            len(rows) / len(frame), rel=1e-5
        )
        assert entry["hours"] == pytest.approx(rows["duration_s"].sum() / 3600, abs=1e-4)
        for kind in KINDS:
            whole, own = (
                lines[lines["kind"] == kind]["tag"] for lines in (tags, tags[tags["split"] == split])
            )
            shares = {tag: (own == tag).sum() / len(rows) for tag in stats["tags"][kind]}
            assert entry["shares"][kind] == pytest.approx(shares, rel=1e-5)
            apart = (
                own.value_counts(normalize=True).sub(whole.value_counts(normalize=True), fill_value=0).abs()
            )
            assert entry["total_variation"][kind] == pytest.approx(apart.sum() / 2, rel=1e-5)


@covers("embedding_map")
def test_the_map_of_embeddings(stats, frame):
    found = stats["embedding_map"]
    rows = frame[frame["clap_embedding"].notna()]
    matrix = np.stack(rows["clap_embedding"].to_list()).astype(np.float64)
    matrix -= matrix.mean(axis=0)
    _, sizes, axes = np.linalg.svd(matrix, full_matrices=False)
    assert found["explained"] == pytest.approx((sizes[:2] ** 2 / (sizes**2).sum()).tolist(), rel=1e-5)
    for name, axis in zip(("x", "y"), axes, strict=False):
        sign = 1 if axis[np.abs(axis).argmax()] > 0 else -1
        assert found[name] == pytest.approx((sign * matrix @ axis).tolist(), abs=1e-4)
    assert found["clip_id"] == rows["clip_id"].to_list()
    titles = [title if isinstance(title, str) else None for title in rows["title"]]
    assert found["name"] == [a or b for a, b in zip(titles, rows["source_id"], strict=True)]
    assert found["genre"] == [
        cell[0]["tag"] if cell is not None and len(cell) else None for cell in rows["genres"]
    ]
    assert (found["of"], found["seed"]) == (len(frame), 0)


@covers("representation")
def test_representation(stats, frame, tags):
    known = load()
    lists = {"instruments": known.instruments, "genres": known.genres, "moods": known.moods}
    assert stats["representation"]["under_share"] == 0.01
    for kind in KINDS:
        counts = tags[tags["kind"] == kind]["tag"].value_counts().to_dict()
        labels = [*(label.id for label in lists[kind]), *(["haunted"] if kind == "moods" else [])]
        found = stats["representation"][kind]
        assert (found["labels"], found["used"]) == (len(labels), len(counts))
        assert found["entropy_bits"] == pytest.approx(entropy(counts.values()), rel=1e-5)
        evenness = entropy(counts.values()) / math.log2(len(labels))
        assert found["evenness"] == pytest.approx(evenness, rel=1e-5)
        shares = {tag: counts.get(tag, 0) / len(frame) for tag in labels}
        assert found["under"] == pytest.approx({tag: share for tag, share in shares.items() if share < 0.01})
        assert list(found["under"]) == sorted(found["under"], key=lambda tag: (shares[tag], tag))
    counts = {name: n for name, n in stats["languages"]["counts"].items() if name != "und"}
    found = stats["representation"]["languages"]
    assert (found["used"], found["most"]) == (len(counts), "en")
    assert found["entropy_bits"] == pytest.approx(entropy(counts.values()), rel=1e-5)
    assert found["evenness"] == pytest.approx(entropy(counts.values()) / math.log2(len(counts)), rel=1e-5)
    assert found["share_most"] == pytest.approx(counts["en"] / sum(counts.values()), rel=1e-5)
