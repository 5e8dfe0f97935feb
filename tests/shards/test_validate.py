"""Whatever is damaged in a dataset is found by `validate`, in one line, and never ends it otherwise."""

import json
import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.cli.main import main
from leitmotif.pipelines.validating import examine_safely
from leitmotif.shards import media_check, pieces
from leitmotif.shards import validate as validation
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.manifest import MANIFEST, write_manifest
from leitmotif.shards.schema import QUARANTINE
from leitmotif.shards.validate import examine, validate
from leitmotif.storage import parquet
from leitmotif.storage.digest import sha256_of
from tests.shards.small_dataset import (
    SCHEMA,
    TEST,
    TRAIN,
    counts,
    flac,
    jpeg,
    row,
    write_shard,
    write_small_dataset,
)

SHARD = f"{TRAIN[0]}.parquet"
DATA = Path("data")
Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_dataset(tmp_path_factory.mktemp("whole") / "dataset")


@pytest.fixture
def dataset(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "dataset"))


def problems_of(dataset: Path) -> list[str]:
    """Return what a user would read, one item a line."""
    try:
        return validate(dataset)
    except DatasetError as error:
        return str(error).split("\n")


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def swap(one: Path, other: Path) -> None:
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def cut(path: Path, left: int) -> None:
    path.write_bytes(path.read_bytes()[:left])


def manifest(change: Callable[[Any], object]) -> Damage:
    """Change what the manifest holds; what the change returns takes its place, if it is anything."""

    def damage(dataset: Path) -> None:
        content = json.loads((dataset / MANIFEST).read_text())
        content = content if (other := change(content)) is None else other
        (dataset / MANIFEST).write_text(json.dumps(content))

    return damage


def manifest_text(text: str | bytes) -> Damage:
    return lambda dataset: (dataset / MANIFEST).write_bytes(
        text if isinstance(text, bytes) else text.encode()
    )


def facts(of: Any) -> Any:
    return of["files"][f"data/{SHARD}"]


def rows(*changed: dict[str, Any], name: str = TRAIN[0], schema: pa.Schema = SCHEMA) -> Damage:
    """Write a shard with some rows changed, and the manifest anew: so it was published."""

    def damage(dataset: Path) -> None:
        first = {TRAIN[0]: 0, TRAIN[1]: 2, TEST: 3}[name]
        made = [row(first + number) | change for number, change in enumerate(changed)]
        write_shard(dataset / DATA / f"{name}.parquet", made, schema)
        write_manifest(dataset, counts(train=1 + len(changed) if name == TRAIN[0] else 3))

    return damage


def audio(content: bytes | None, number: int = 0, path: str | None = None) -> dict[str, Any]:
    return {"audio": {"bytes": content, "path": path or f"{number:032x}.flac"}}


def frames(*contents: bytes | None, number: int = 0) -> dict[str, Any]:
    name = f"{number:032x}"
    return {"frames": [{"bytes": content, "path": f"{name}-00-0.000s.jpg"} for content in contents]}


def no_text(shard: Path) -> None:
    """Give the second row a caption of bytes that are no text."""
    table = pq.read_table(shard)
    captions = pa.array([b"fine", b"\xff\xfe"], pa.binary()).view(pa.string())
    place = SCHEMA.get_field_index("caption")
    parquet.write_table(table.set_column(place, SCHEMA.field(place), captions), shard)


def without(name: str) -> pa.Schema:
    return SCHEMA.remove(SCHEMA.get_field_index(name))


def retyped(name: str, kind: pa.DataType) -> pa.Schema:
    return SCHEMA.set(SCHEMA.get_field_index(name), pa.field(name, kind))


def side(name: str, table: pa.Table) -> Damage:
    def damage(dataset: Path) -> None:
        pq.write_table(table, dataset / f"{name}.parquet")
        write_manifest(dataset, counts())

    return damage


NAN = math.nan
# What is done to a dataset, and what the one line says.
DAMAGES: dict[str, tuple[Damage, str]] = {
    # files against the manifest
    "a shard has a flipped byte": (
        lambda d: flip(d / DATA / SHARD, 500),
        f"data/{SHARD}: its contents changed",
    ),
    "a footer has a flipped byte": (
        lambda d: flip(d / DATA / SHARD, -40),
        f"data/{SHARD}: its contents changed",
    ),
    "a shard lost its end": (lambda d: cut(d / DATA / SHARD, -9), f"data/{SHARD}: "),
    "a shard is empty": (lambda d: cut(d / DATA / SHARD, 0), f"data/{SHARD}: 0 bytes, expected"),
    "a shard is missing": (lambda d: (d / DATA / SHARD).unlink(), f"data/{SHARD}: missing"),
    "a shard is a folder": (
        lambda d: ((d / DATA / SHARD).unlink(), (d / DATA / SHARD).mkdir()),
        f"data/{SHARD}: missing",
    ),
    "there is one shard more": (
        lambda d: shutil.copy(d / DATA / SHARD, d / DATA / "train-00002-of-00003.parquet"),
        "data/train-00002-of-00003.parquet: not in the manifest",
    ),
    "the card was changed": (lambda d: flip(d / "README.md", 1), "README.md: its contents changed"),
    "the statistics were changed": (
        lambda d: (d / "stats.json").write_text("[]"),
        "stats.json: its contents",
    ),
    "the statistics are gone": (lambda d: (d / "stats.json").unlink(), "stats.json: missing"),
    "a side table was cut": (lambda d: cut(d / "rejected.parquet", 50), "rejected.parquet: 50 bytes"),
    # the manifest itself
    "no manifest": (lambda d: (d / MANIFEST).unlink(), "has no readable manifest.json"),
    "an empty manifest": (manifest_text(""), "has no readable manifest.json"),
    "a manifest that is a list": (manifest_text("[]"), "it holds a list"),
    "a manifest that is null": (manifest_text("null"), "it holds"),
    "a manifest that is a number": (manifest_text("7"), "it holds"),
    "a manifest that is no text": (manifest_text(b"\xff\xfe\x00"), "has no readable manifest.json"),
    "a manifest nested too deep": (manifest_text("[" * 300_000), "has no readable manifest.json"),
    "a manifest with a number too long": (manifest_text("9" * 10_000), "has no readable manifest.json"),
    "files that are a list": (manifest(lambda m: m | {"files": []}), "its files are a list"),
    "counts that are a text": (manifest(lambda m: m | {"counts": "many"}), "its counts are not"),
    "no counts": (manifest(lambda m: m.pop("counts") and None), "its counts are not"),
    "counts of another kind": (manifest(lambda m: m["counts"].update(kept="four")), "whole numbers"),
    "a count below nothing": (manifest(lambda m: m["counts"].update(kept=-4)), "whole numbers"),
    "rows that are a list": (manifest(lambda m: m["counts"].update(rows=[3, 1])), "its counts are not"),
    "a count is lacking": (manifest(lambda m: m["counts"].pop("kept") and None), "its counts lack kept"),
    "a file without facts": (manifest(lambda m: m["files"].update({"a": None})), "no SHA-256 of 'a'"),
    "a hash that is a number": (manifest(lambda m: facts(m).update(sha256=1)), "no SHA-256 of"),
    "a size that is a text": (manifest(lambda m: facts(m).update(size_bytes="9")), "no size_bytes and rows"),
    "a shard without rows": (manifest(lambda m: facts(m).pop("rows") and None), "no size_bytes and rows"),
    "a file outside": (manifest(lambda m: m["files"].update({"../x": {}})), "names no file of the folder"),
    "an absolute file": (manifest(lambda m: m["files"].update({"/etc/hosts": {}})), "names no file of"),
    "a name with a NUL": (manifest(lambda m: m["files"].update({"a\0": {}})), "names no file of"),
    "a name of half a letter": (manifest(lambda m: m["files"].update({"\ud800": {}})), "names no file of"),
    "wrong rows of a shard": (
        manifest(lambda m: facts(m).update(rows=7)),
        f"data/{SHARD}: 2 rows, expected 7",
    ),
    "wrong rows of a split": (
        manifest(lambda m: m["counts"].update(rows={"train": 2, "test": 2})),
        "split",
    ),
    "counts that do not add up": (manifest(lambda m: m["counts"].update(catalogued=9)), "do not add up"),
    # rows, hashed as they are
    "audio of another clip": (rows(audio(flac(1), 1), {}), f"row 0 ({0:032x}): audio is called"),
    "audio cut in its middle": (rows({}, audio(half(flac(1)), 1)), "row 1 "),
    "audio with a flipped byte": (
        rows(audio(flipped(flac(0))), {}),
        "audio cannot be decoded",
    ),
    "audio that is shorter": (rows(audio(flac(0, seconds=0.1)), {}), "duration_s says 0.250 s, the sound"),
    "audio of another rate": (rows(audio(flac(0, rate_hz=48_000)), {}), "audio has 48000 Hz in 2 channels"),
    "audio of one channel": (rows(audio(flac(0, channels=1)), {}), "audio has 44100 Hz in 1 channels"),
    "audio that is a picture": (rows(audio(jpeg(0)), {}), "audio holds no FLAC file"),
    "no audio": (rows({"audio": None}, {}), "audio holds no FLAC file"),
    "audio without bytes": (rows(audio(None), {}), "audio holds no FLAC file"),
    "a picture cut": (rows(frames(jpeg(0), jpeg(1)[:-300]), {}), "frame 1 cannot be decoded"),
    "a picture that is a sound": (rows(frames(flac(0)), {}), "frame 0 holds no JPEG file"),
    "a picture without bytes": (rows(frames(None), {}), "frame 0 holds no JPEG file"),
    "a picture of another clip": (rows(frames(jpeg(0), number=1), {}), "frame 0 is called"),
    "a length of nothing": (rows({"duration_s": None}, {}), "duration_s says nothing"),
    "a length that is no number": (rows({"duration_s": NAN}, {}), "duration_s"),
    "an embedding of NaN": (rows({"clap_embedding": [NAN] * 4}, {}), "clap_embedding holds nan 4 times"),
    "an embedding of nothing": (rows({"clip_embedding": [0.0] * 4}, {}), "clip_embedding has the length 0,"),
    "an embedding too long": (rows({}, {"clip_embedding": [9.0] * 4}), "clip_embedding has the length 18,"),
    "an infinite motion": (rows({"motion": math.inf}, {}), "motion holds inf"),
    "a score beyond 1": (rows({"pam_score": 1.5}, {}), "pam_score is 1.5, expected 0..1"),
    "a tag's score of NaN": (rows({"moods": [{"tag": "a", "score": NAN}]}, {}), "moods holds nan"),
    "a tag's score beyond 1": (rows({"moods": [{"tag": "a", "score": 7.0}]}, {}), "moods has a score beyond"),
    "no width": (rows({"width": 0}, {}), "width is 0, expected more than 0"),
    "no licence": (rows({"license": None}, {}), "no licence"),
    "a text that is none": (
        lambda d: no_text(d / DATA / SHARD) or write_manifest(d, counts()),
        f"{SHARD} row 1: a text of it is no UTF-8",
    ),
    "no clip_id": (
        rows({"clip_id": None, "frames": None, "audio": row(0)["audio"] | {"path": None}}, {}),
        "no clip_id",
    ),
    "a clip twice": (rows({}, row(0)), f"{0:032x} occurs again"),
    "an artist in two splits": (
        rows({"artist": "Artist 3"}, {}),
        "artist 'artist3' stands in both train and test (",
    ),
    "a source in two splits": (
        rows({"source_url": row(3)["source_url"]}, {}),
        "source '//video.example/3' stands in both",
    ),
    "a recording in two splits": (
        rows({"recording_id": "recording-3"}, {}),
        "recording 'recording-3' stands in both",
    ),
    "one row less": (
        lambda d: (rows({})(d), write_manifest(d, counts())),
        "split train: 2 rows, expected 3",
    ),
    "a column is missing": (rows({}, {}, schema=without("key")), "column key is missing"),
    "a column of another type": (rows({}, {}, schema=retyped("width", pa.int64())), "column width is int64"),
    "lists of another length": (
        rows({}, {}, schema=retyped("clap_embedding", pa.list_(pa.float32()))),
        "column clap_embedding is list",
    ),
    "embeddings of another length": (
        rows(
            {"clap_embedding": [1.0, 0.0]},
            name=TRAIN[1],
            schema=retyped("clap_embedding", pa.list_(pa.float32(), 2)),
        ),
        "column clap_embedding is",
    ),
    "no metadata": (rows({}, {}, schema=SCHEMA.remove_metadata()), "metadata that types sounds and pictures"),
    "quarantined clips that no count knows": (
        side("quarantine", pa.Table.from_pylist([{"clip_id": "x"}], schema=QUARANTINE)),
        "quarantine.parquet: 1 row, expected 0",
    ),
    "a record of takedowns that holds something else": (
        lambda d: (d / "takedown.jsonl").write_bytes(b"\xff{\n") and None,
        "takedown.jsonl: line 1 is no takedown",
    ),
    "a side table of other columns": (
        side("quarantine", pa.table({"a": pa.array([], pa.int8())})),
        "columns ['a']",
    ),
}


def test_a_dataset_as_it_was_published_has_no_problem(dataset: Path) -> None:
    found = examine(dataset)
    assert (found.problems, found.rows, found.decoded) == ([], 4, 4)


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_and_said_in_one_line(dataset: Path, name: str) -> None:
    damage, says = DAMAGES[name]
    damage(dataset)
    problems = problems_of(dataset)
    assert problems and says in problems[0]
    assert all(problem.isprintable() and len(problem) < 600 for problem in problems)
    # Of one fault one line; but rows that are counted twice are wrong of both.
    assert len(problems) == 1 or name in ("wrong rows of a split", "a clip twice")


def test_a_flipped_byte_in_a_page_of_any_column_is_found_by_its_checksum(dataset: Path) -> None:
    shard = dataset / DATA / SHARD
    content, footer = shard.read_bytes(), pq.read_metadata(shard)
    columns = [footer.row_group(0).column(number) for number in range(footer.num_columns)]
    for column in columns:
        damaged = bytearray(content)
        begin = column.dictionary_page_offset or column.data_page_offset
        damaged[begin + column.total_compressed_size - 1] ^= 0x10
        shard.write_bytes(damaged)
        write_manifest(dataset, counts())
        (problem,) = problems_of(dataset)
        assert problem.startswith(f"{SHARD} row group 0 cannot be read ("), column.path_in_schema
    assert {column.path_in_schema.split(".")[0] for column in columns} == set(SCHEMA.names)


def test_shards_that_changed_places_are_named(dataset: Path) -> None:
    swap(dataset / DATA / SHARD, dataset / DATA / f"{TRAIN[1]}.parquet")
    assert [problem.split(":")[0] for problem in validate(dataset)] == [
        f"data/{SHARD}",
        f"data/{TRAIN[1]}.parquet",
    ]


def test_the_problems_have_an_end(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "MOST_PROBLEMS", 5)
    rows(*({"motion": math.inf, "fps": -1.0, "artist": "Artist 3"},) * 40)(dataset)
    problems = validate(dataset)
    assert len(problems) == 6 and problems[-1] == "more than 5 problems; the rest was not looked for"


def test_what_a_row_says_cannot_change_what_a_terminal_shows(dataset: Path) -> None:
    evil = "\x1b[2J\n\u202eright\u2028" + "x" * 10_000
    rows({"clip_id": evil, "artist": "Artist 3"}, {})(dataset)
    problems = validate(dataset)
    assert problems and all(problem.isprintable() and len(problem) < 600 for problem in problems)


def test_a_picture_of_too_many_pixels_is_not_decoded(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_check, "MOST_PIXELS", 48 * 32 - 1)
    rows(frames(jpeg(0)), {"frames": None})(dataset)
    assert f"{SHARD} row 0 ({0:032x}): frame 0 is 48x32 pixels, expected at most 1535" in validate(dataset)


def test_a_sample_decodes_few_rows_and_checks_the_numbers_of_all(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "SAMPLE", 1)
    found = examine(dataset, fast=True)
    assert (found.problems, found.rows, found.decoded) == ([], 4, 1)
    rows({"motion": math.inf}, {"motion": math.inf})(dataset)
    assert len(examine(dataset, fast=True).problems) == 2


def test_rows_are_the_same_however_they_are_cut(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows({"motion": math.inf}, {}, {"fps": 0.0})(dataset)
    found = {}
    for least in (1, 2, 64):
        monkeypatch.setattr(pieces, "PIECES", least)
        found[least] = validate(dataset)
    assert found[1] == found[2] == found[64] and len(found[1]) == 3


def test_decoders_in_processes_of_their_own_find_the_same(dataset: Path) -> None:
    rows(audio(half(flac(0))), frames(jpeg(1)[:-300], number=1))(dataset)
    steps: list[tuple[str, int, int]] = []
    found = examine_safely(
        dataset, processes=2, on_progress=lambda what, done, total, note="": steps.append((what, done, total))
    )
    assert found == examine(dataset) and len(found.problems) == 2
    assert steps[-1] == ("rows", 4, 4) and ("files", 7, 7) in steps


def test_the_command_prints_each_problem_and_ends_with_two(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(dataset), "--fast"]) == 0
    assert capsys.readouterr().out == f"{dataset}: valid (4 of 4 rows decoded)\n"
    rows({"motion": math.inf}, {})(dataset)
    assert main(["validate", str(dataset), "--json"]) == 2
    out, error = capsys.readouterr()
    said = json.loads(out.splitlines()[-1])
    assert (said["valid"], said["rows"], said["decoded"]) == (False, 4, 4)
    assert said["problems"][0] in error.splitlines()


def state_as_it_is(dataset: Path, path: Path) -> None:
    """Have the manifest take a damaged file for the one that was published."""
    content = json.loads((dataset / MANIFEST).read_text())
    stated = content["files"][path.relative_to(dataset).as_posix()]
    stated |= {"sha256": sha256_of(path), "size_bytes": path.stat().st_size}
    (dataset / MANIFEST).write_text(json.dumps(content))


def damage_somewhere(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    kind = rng.choice(("flip", "zeros", "cut", "doubled", "noise"))
    place = rng.randrange(max(len(content), 1))
    if kind == "flip" and content:
        content[place] ^= 1 << rng.randrange(8)
    elif kind == "zeros":
        content[place : place + 40] = bytes(len(content[place : place + 40]))
    elif kind == "cut":
        del content[place:]
    elif kind == "doubled":
        content[place:place] = content[place : place + 100]
    else:
        content[place : place + 8] = rng.randbytes(8)
    path.write_bytes(content)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_bytes_a_dataset_holds_its_problems_are_lines(dataset: Path, whole: Path, seed: int) -> None:
    rng = random.Random(seed)
    files = sorted(path for path in dataset.rglob("*") if path.is_file())
    for _ in range(16):
        path = rng.choice(files)
        damage_somewhere(path, rng)
        changed = path.read_bytes() != (whole / path.relative_to(dataset)).read_bytes()
        for stated in (False, True):
            if stated and path.name != MANIFEST:
                state_as_it_is(dataset, path)
            problems = problems_of(dataset)
            assert all(problem.isprintable() for problem in problems)
            # A manifest may lose what nobody reads, and its files may be stated as they are.
            assert problems or stated or path.name == MANIFEST or not changed
        path.write_bytes((whole / path.relative_to(dataset)).read_bytes())
        shutil.copyfile(whole / MANIFEST, dataset / MANIFEST)
