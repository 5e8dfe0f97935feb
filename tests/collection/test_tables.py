"""Sources that are CSV files."""

from pathlib import Path

import pytest

from leitmotif.collection.request import Request
from leitmotif.collection.sources.open import open_source
from leitmotif.storage.errors import UserError

AUDIOSET = """# Segments csv created Sun Mar  5 10:54:31 2017
# num_ytids=2, num_segs=2, num_unique_labels=2, num_positive_labels=3
# YTID, start_seconds, end_seconds, positive_labels
--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"
-0RWZT-miFs, 420.000, 430.000, "/m/03v3yw"
"""


def read(folder: Path, text: str, name: str = "list.csv") -> list[Request]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return list(open_source(str(path)).requests())


def test_audioset_is_read_as_it_is(tmp_path: Path) -> None:
    first, second = read(tmp_path, AUDIOSET)
    assert first.url == "https://www.youtube.com/watch?v=--PJHxphWEs"
    assert (first.start_s, first.end_s, first.labels) == (30.0, 40.0, ("/m/09x0r", "/t/dd00088"))
    assert second.labels == ("/m/03v3yw",)


@pytest.mark.parametrize("column", ["youtube_id", "ID", "video_id", "url"])
def test_a_table_of_ids_is_found_by_its_column(tmp_path: Path, column: str) -> None:
    (request,) = read(tmp_path, f"artist,{column},title\nSomebody,abcdefghijk,A song\n")
    assert request == Request("https://www.youtube.com/watch?v=abcdefghijk", "Somebody", "A song")


def test_a_chart_is_a_list_of_searches(tmp_path: Path) -> None:
    request = read(tmp_path, 'Artist,Song,duration_ms\n"A, B",Tune,200500\nC,Air,\n')
    assert [(item.url, item.artist, item.title, item.duration_s) for item in request] == [
        (None, "A, B", "Tune", 200.5),
        (None, "C", "Air", None),
    ]
    assert request[0].key == Request(artist=" a, b", title="TUNE").key


def test_comments_above_a_chart_are_no_songs_and_the_last_is_its_header(tmp_path: Path) -> None:
    (request,) = read(tmp_path, "# From a magazine\n# artist,title\nA,Tune\n")
    assert (request.artist, request.title) == ("A", "Tune")
    assert len(read(tmp_path, "artist,title\n#1 Band,Tune\nA,Air\n")) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has the columns none"),
        ("colour,size\nred,3\n", "expected artist and title, or one of"),
        ("url\n../../etc/passwd\n", "expected the 11 letters"),
        ("url,start,end\nabcdefghijk,30,20\n", "a window from 30.0 to 20.0"),
        ("url,start,end\nabcdefghijk,x,20\n", "expected a number"),
        ("artist,title\nonly,\n", "lacks the artist or the title"),
        ('artist,title\n"a,b\n', "cannot be read as a CSV"),
        ("artist,title\n\x00\udcff", "cannot be read as a CSV"),
    ],
)
def test_a_broken_table_is_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=said):
        list(open_source(str(path)).requests())


def test_a_folder_and_nothing_are_no_sources(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs no collecting; measure it"):
        open_source(str(tmp_path))
    with pytest.raises(UserError, match="neither an address"):
        open_source(str(tmp_path / "nothing"))
