"""How often the language of a title is named rightly: over 210 short texts, 16 of them in no language."""

import csv
from pathlib import Path

from leitmotif.reports.statistics.languages import UNKNOWN, name_language

TITLES = Path(__file__).with_name("titles.tsv")


def test_titles_are_named_rightly_or_not_at_all() -> None:
    with TITLES.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    spoken = [row for row in rows if row["language"] != UNKNOWN]
    assert len({row["language"] for row in spoken}) == 19 and len(spoken) == 194
    found = [(name_language(row["title"]), row["language"], row["title"]) for row in spoken]
    wrong = [one for one in found if one[0] not in (UNKNOWN, one[1])]
    assert len(wrong) <= 1, wrong  # Indonesian taken for Malay
    assert sum(one[0] == one[1] for one in found) >= 148
    noise = [
        row["title"] for row in rows if row["language"] == UNKNOWN and name_language(row["title"]) != UNKNOWN
    ]
    assert noise == []


def test_decorated_letters_count_as_what_they_stand_for() -> None:
    plain = "Dancing in the Moonlight"
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter != " " else letter for letter in plain)
    assert name_language(plain) == name_language(wide) == "en"


def test_too_few_letters_are_no_language() -> None:
    assert name_language("") == name_language("4:33") == name_language("♪ ♪ ♪ 1999") == UNKNOWN
    assert name_language("https://video.example/watch?v=dancing #inthemoonlight") == UNKNOWN
