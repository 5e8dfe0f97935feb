import pytest

from leitmotif.shards.urls import canonical_url


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "http://youtube.com/watch?v=dQw4w9WgXcQ&t=42s",
        "https://m.youtube.com/watch?list=PL1&index=3&v=dQw4w9WgXcQ#top",
        "https://music.youtube.com/watch?v=dQw4w9WgXcQ&si=abc",
        "https://youtu.be/dQw4w9WgXcQ?si=abc",
        "https://www.youtube.com/embed/dQw4w9WgXcQ",
        "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ?start=3",
        "https://www.youtube.com/shorts/dQw4w9WgXcQ",
        " HTTPS://WWW.YOUTUBE.COM:443/watch?v=dQw4w9WgXcQ ",
    ],
)
def test_every_spelling_of_a_video_page_agrees(url: str) -> None:
    assert canonical_url(url) == "//youtube.com/watch?v=dQw4w9WgXcQ"


def test_other_pages_stay_apart() -> None:
    urls = [
        "https://a.example/v?id=1",
        "https://a.example/v?id=12",
        "https://a.example/v/1",
        "https://a.example:8080/v/1",
        "https://b.example/v/1",
        "https://a.example/V/1",
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/watch?v=dqw4w9wgxcq",
        "https://www.youtube.com/@channel/videos",
    ]
    assert len({canonical_url(url) for url in urls}) == len(urls)


@pytest.mark.parametrize("text", ["", "clip-0001.mp4", "ftp://x/y", "https://", "http://[::1", "c0ffee"])
def test_what_is_no_web_address_stays_as_it_is(text: str) -> None:
    assert canonical_url(text) == text


def test_parameters_in_another_order_are_the_same_page() -> None:
    assert canonical_url("http://a.example/v/?b=2&a=1&utm_source=x") == canonical_url(
        "https://a.example/v?a=1&b=2"
    )


@pytest.mark.parametrize(
    "spelling",
    [
        "https://a.example//live/b%7Ec.mp4",
        "https://a.example/live//b~c.mp4/",
        "https://a.example/live/./b~c.mp4",
        "https://a.example/x/../live/b%7ec.mp4",
        "https://a.example///live///b~c.mp4",
    ],
)
def test_every_spelling_of_a_path_agrees(spelling: str) -> None:
    assert canonical_url(spelling) == "//a.example/live/b~c.mp4"


def test_signs_that_mean_something_else_encoded_stay_so() -> None:
    assert (
        canonical_url("https://a.example/a%2fb")
        == "//a.example/a%2Fb"
        != canonical_url("https://a.example/a/b")
    )
    assert canonical_url("https://a.example/\u00e9") == canonical_url("https://a.example/%c3%a9")
    assert canonical_url("https://a.example") == canonical_url("https://a.example//") == "//a.example"
