"""Whatever lies in a table, a list or a tag, reading it ends with rows or with one line."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leitmotif.cli.takedown import _read_list
from leitmotif.collection.fields import Fields
from leitmotif.collection.metadata_table import read_table
from leitmotif.collection.sources.chart import Chart
from leitmotif.collection.sources.id_table import IdTable
from leitmotif.collection.sources.open import open_source
from leitmotif.collection.sources.url_list import UrlList
from leitmotif.collection.table import read_records
from leitmotif.collection.tags import metadata_of_tags
from leitmotif.media.errors import MediaError
from leitmotif.media.tags import read_tags
from leitmotif.storage.errors import UserError

SIGNS = st.text(st.sampled_from("\",;\t\r\n#\0\ufeff\x85\u2028\ud800 aé1-.'/:[]{}"), max_size=30).map(
    lambda text: text.encode("utf-8", "surrogatepass")
)
CSV = b"# of a friend\npath,title,artist,url,start,end,duration\na.mp3,Tune,Ann,abcdefghijk,1,2,3\n"
LINES = b'{"path": "a.mp3", "title": 3, "artist": ["A", "B"]}\n{"clip_id": "b", "url": "https://x"}\n'


@st.composite
def cut_and_changed(draw: st.DrawFn, whole: bytes) -> bytes:
    """Draw a file of which some bytes were exchanged for others, which may be more or less."""
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 40)))
    return whole[:start] + draw(SIGNS | st.binary(max_size=20)) + whole[end:]


ANY = (
    st.binary(max_size=60) | SIGNS | cut_and_changed(CSV) | cut_and_changed(LINES) | cut_and_changed(CSV * 3)
)
READERS: dict[str, Callable[[Path], object]] = {
    "table.csv": read_table,
    "table.jsonl": read_table,
    "records.csv": lambda path: list(read_records(path)),
    "chart.csv": lambda path: list(Chart(path).requests()),
    "ids.csv": lambda path: list(IdTable(path).requests()),
    "any.csv": lambda path: list(open_source(str(path)).requests()),
    "urls.txt": lambda path: list(UrlList(path).requests()),
    "list.txt": _read_list,
}
_numbers = itertools.count()


@pytest.mark.parametrize("name", READERS)
@given(content=ANY)
@settings(max_examples=80)
def test_a_file_of_rows_is_read_or_refused_in_one_line_with_its_name(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / f"{next(_numbers)}-{name}"
    path.write_bytes(content)
    try:
        READERS[name](path)
    except UserError as error:
        assert "\n" not in str(error) and path.name in str(error) and len(str(error)) < 1000
    finally:
        path.unlink()


@pytest.mark.parametrize("name", [name for name in READERS if name.endswith(".csv")])
def test_a_cell_of_a_megabyte_and_one_without_an_end_end_in_rows_or_one_line(
    tmp_path: Path, name: str
) -> None:
    cell = b"a" * (1 << 20)
    for content in (CSV + b'b.mp3,"' + cell + b'",Ann,abcdefghijk,1,2,3\n', CSV + b'"' + cell, cell * 20):
        path = tmp_path / name
        path.write_bytes(content)
        try:
            READERS[name](path)
        except UserError as error:
            assert path.name in str(error) and len(str(error)) < 1000


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999", "²", "1,5"])
def test_what_is_no_number_of_seconds_is_refused(tmp_path: Path, number: str) -> None:
    path = tmp_path / "ids.csv"
    path.write_text(f'ytid,start,end\nabcdefghijk,"{number}",9\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"line 2 of .*ids\.csv.* expected a number"):
        list(IdTable(path).requests())


def test_a_number_that_no_float_holds_is_a_text_or_passed_over(tmp_path: Path) -> None:
    said = Fields({"title": 10**400, "epoch": 10**400, "artist": float("inf")})
    assert said.text("title") == str(10**400) and said.number("epoch", most=1e9) is None
    assert said.text("artist") is None and len(said.odd) == 2
    path = tmp_path / "table.jsonl"
    path.write_text(json.dumps({"path": "a.mp3", "title": 10**400}))
    assert read_table(path).rows[0].title == str(10**400)


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Short files of several containers, with tags."""
    found = []
    for suffix, codec in (
        ("flac", "flac"),
        ("mp3", "mp3"),
        ("m4a", "aac"),
        ("ogg", "libopus"),
        ("mkv", "libopus"),
    ):
        path = tmp_path_factory.mktemp("tagged") / f"a.{suffix}"
        with av.open(str(path), "w") as container:
            container.metadata.update(
                {"title": "Tune é", "artist": "A;B", "comment": "https://x", "date": "1999"}
            )
            stream = container.add_stream(codec, rate=48_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 48_000
            container.mux([*stream.encode(_resampled(frame, stream)), *stream.encode()])
        found.append(path.read_bytes())
    return found


def _resampled(frame: av.AudioFrame, stream: av.AudioStream) -> av.AudioFrame:
    return av.AudioResampler(stream.format, stream.layout, stream.rate).resample(frame)[0]


@given(data=st.data())
@settings(max_examples=120)
def test_tags_that_were_damaged_are_read_or_the_file_is_none(
    tagged: list[bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(data.draw(st.sampled_from(tagged)))
    for place in data.draw(st.lists(st.integers(0, min(len(content), 700) - 1), max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    try:
        metadata = metadata_of_tags(read_tags(path))
    except MediaError as error:
        assert "\n" not in str(error)
    else:
        for text in (metadata.title, metadata.artist, metadata.description, metadata.source_url):
            assert text is None or text.encode()
