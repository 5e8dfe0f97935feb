"""Choosing the official video among search results."""

from typing import Any

import pytest

from leitmotif.collection.errors import Refused
from leitmotif.collection.match import choose

# As YouTube answers `ytsearch5:`, shortened.
OFFICIAL = {
    "url": "https://www.youtube.com/watch?v=official001",
    "title": "The Björks - Big Noise (Official Music Video)",
    "channel": "TheBjorksVEVO",
    "duration": 255.0,
}
LYRICS = OFFICIAL | {"url": "l", "title": "The Björks - Big Noise (Lyrics)", "channel": "7clouds"}
AUDIO = OFFICIAL | {"url": "a", "title": "Big Noise (Official Audio)"}
LIVE = OFFICIAL | {"url": "v", "title": "The Bjorks - Big Noise (Live at the Hall)"}
COVER = OFFICIAL | {"url": "c", "title": "Big Noise - The Bjorks (cover by Ann)", "channel": "Ann"}
LONG = OFFICIAL | {"url": "1", "title": "The Bjorks - Big Noise", "duration": 3600.0}
OTHER = OFFICIAL | {"url": "o", "title": "Big Noise", "channel": "A news channel"}
PLAIN = OFFICIAL | {"url": "p", "title": "The Bjorks - Big Noise", "channel": "Some label"}


def test_the_official_video_is_chosen_wherever_it_stands() -> None:
    match = choose([LYRICS, PLAIN, AUDIO, OFFICIAL], artist="The Bjorks", title="Big Noise", duration_s=240.0)
    assert match.url == OFFICIAL["url"]
    assert "called official, on the artist's channel" in match.reasons[0]
    assert any("a lyric video" in reason for reason in match.reasons)


@pytest.mark.parametrize(
    ("video", "reason"),
    [
        (LYRICS, "a lyric video"),
        (AUDIO, "sound alone"),
        (LIVE, "a live recording"),
        (COVER, "a cover"),
        (LONG, "3600 s long; expected 225 to 336"),
        (OTHER, "neither title nor channel names the artist"),
        (OFFICIAL | {"title": "The Björks - Quiet (Official Video)"}, "its title lacks the song's"),
    ],
)
def test_other_uploads_are_refused_with_the_reason(video: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match="no official video") as refused:
        choose([video], artist="The Bjorks", title="Big Noise", duration_s=240.0)
    assert reason in str(refused.value)


def test_words_of_the_songs_own_title_are_not_held_against_it() -> None:
    video = OFFICIAL | {"title": "The Bjorks - Live Forever"}
    assert choose([video], artist="The Bjorks", title="Live Forever").url == video["url"]


def test_no_results_are_refused() -> None:
    with pytest.raises(Refused, match="no results"):
        choose([], artist="a", title="b")
