import pytest

from leitmotif.collection.metadata import Metadata
from leitmotif.collection.tags import metadata_of_tags

BY = "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"title": "Tide", "artist": "Ann", "encoder": "Lavf"}, Metadata(title="Tide", artist="Ann")),
        ({"album_artist": "Ann"}, Metadata(artist="Ann")),
        ({"album artist": "Ann", "artists": "Bob"}, Metadata(artist="Bob")),
        ({"license": BY, "copyright": "(c) Label"}, Metadata(license=BY)),
        (
            {"copyright": f"2020 Ann. Licensed to the public under {BY}"},
            Metadata(license=f"2020 Ann. Licensed to the public under {BY}"),
        ),
        ({"copyright": "CC BY-SA 3.0"}, Metadata(license="CC BY-SA 3.0")),
        ({"copyright": "© 2020 A Label, all rights reserved"}, Metadata()),
        ({"tsrc": "GB-AYE-06-01498"}, Metadata(isrc="GBAYE0601498")),
        ({"isrc": "none"}, Metadata()),
        ({"comment": "Live in 1999"}, Metadata(description="Live in 1999")),
        ({"comment": "https://video.example/1"}, Metadata(source_url="https://video.example/1")),
        (
            {"comment": "words", "purl": "https://video.example/2"},
            Metadata(description="words", source_url="https://video.example/2"),
        ),
        ({"musicbrainz_trackid": "abc"}, Metadata(recording_id="abc")),
        ({"title": "half \ud83d"}, Metadata(title="half \ufffd")),
        ({}, Metadata()),
    ],
)
def test_tags_fill_the_fields_that_they_are_about(tags: dict[str, str], expected: Metadata) -> None:
    assert metadata_of_tags(tags) == expected
