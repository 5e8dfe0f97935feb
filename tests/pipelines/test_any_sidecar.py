"""Whatever lies beside a file as its metadata, the file is catalogued."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leitmotif.collection.folder import FoundFile
from leitmotif.pipelines import catalog
from leitmotif.pipelines.workspace import Workspace

# Every code point there is, half letters among them.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    (
        *("title", "track", "artist", "artists", "creator", "uploader", "channel", "description", "comments"),
        *("webpage_url", "license", "epoch", "section_start", "section_end", "duration", "isrc"),
        *("leitmotif", "enrichments"),
    )
)
COMMENTS = st.lists(
    st.dictionaries(st.sampled_from(("text", "like_count", "is_pinned", "parent")), VALUES, max_size=4)
)
OBJECTS = st.dictionaries(NAMES, VALUES | COMMENTS, max_size=8)
SIDECARS = (
    OBJECTS.map(lambda info: json.dumps(info).encode())
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=40)
)
_numbers = count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("sidecars")


@given(sidecar=SIDECARS)
@settings(max_examples=60)
def test_a_file_is_catalogued_whatever_its_sidecar_holds(shared: Path, sidecar: bytes) -> None:
    folder = shared / f"{next(_numbers)}"
    folder.mkdir()
    (folder / "a.mp4").write_text("1")
    (folder / "a.info.json").write_bytes(sidecar)
    workspace = Workspace(folder / "ws")
    assert catalog.enter(workspace.catalog(), [FoundFile(folder / "a.mp4", "a.mp4")]) == 1
    (row,) = workspace.catalog().read(["media_id", "license", "artist", "retrieved_at"]).to_pylist()
    assert row["error"] is None and row["media_id"] and row["license"] and row["retrieved_at"]
