"""How often two spellings of an artist meet, and how often two artists do: over 250 pairs of names."""

import csv
from pathlib import Path

import pytest

from leitmotif.shards.artists import artist_names

PAIRS = Path(__file__).with_name("artist_pairs.tsv")
# Measured: 7 of 140 pairs that should meet do not (aliases that no spelling gives away, "Guns and Roses"), 3
# of 111 that should stay apart meet ("The Band" and "Band").
MOST_MISSED, MOST_MIXED = 7, 3


def meet(one: str, other: str) -> bool:
    return not set(artist_names(one)).isdisjoint(artist_names(other))


def test_spellings_of_an_artist_meet_and_other_artists_stay_apart() -> None:
    with PAIRS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    wanted = {kind: [row for row in rows if row["expected"] == kind] for kind in ("meet", "apart")}
    assert (len(wanted["meet"]), len(wanted["apart"])) == (140, 111)
    missed = [(row["one"], row["other"]) for row in wanted["meet"] if not meet(row["one"], row["other"])]
    mixed = [(row["one"], row["other"]) for row in wanted["apart"] if meet(row["one"], row["other"])]
    assert len(missed) <= MOST_MISSED, missed
    assert len(mixed) <= MOST_MIXED, mixed


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("Earth, Wind & Fire feat. Foo", ("earthwindfire", "foo")),
        ("Crosby, Stills, Nash & Young", ("crosbystillsnashyoung",)),
        ("Foo, Tyler, The Creator", ("foo", "tylerthecreator")),
        ("Roxy Music", ("roxymusic",)),
        ("Foo Official Music Channel", ("foo",)),
        ("Official", ("official",)),
        ("Ye (Kanye West)", ("ye", "kanyewest")),
        ("Foals (UK)", ("foals",)),
        ("(G)I-DLE", ("gidle",)),
        ("Various Artists - Topic", ()),
        ("山田太郎 Taro Yamada", ("山田太郎taroyamada", "山田太郎", "taroyamada")),
        ("Foo 김", ("foo김",)),
        ("Official 山田", ("official山田",)),
        ("Foo w/ Bar (prod. by Baz)", ("foo", "bar", "baz")),
        ("Foo Prod", ("fooprod",)),
        ("Jay-Q × 한 、 Foo・Bar", ("jayq", "한", "foo", "bar")),
        ("マイケル・ジャクソン", ("マイケルジャクソン",)),
    ],
)
def test_joint_work_names_everybody_and_a_name_stays_whole(field: str, names: tuple[str, ...]) -> None:
    assert artist_names(field) == names
