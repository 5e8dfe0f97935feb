"""What a robots.txt says, as RFC 9309, Google and Protego read it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protego import Protego

from leitmotif.collection.fetch.preferences import training_allowed
from leitmotif.collection.fetch.robots import covers, read_robots

AGENT = "leitmotif-collect"


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/", "/a", True),
        ("/a", "/b", False),
        ("/*.mp4$", "/x/y.mp4", True),
        ("/*.mp4$", "/x/y.mp4?z", False),
        ("/*.mp4", "/x/y.mp4?z", True),
        ("/a*c*e", "/abcde", True),
        ("/a*c*e", "/abce", True),
        ("/a*e*c", "/abce", False),
        ("/a$", "/a", True),
        ("/a$", "/ab", False),
        ("/*ab$", "/ab", True),
        ("/aab*ab$", "/aab", False),
        ("*", "/anything", True),
    ],
)
def test_patterns_match_as_the_standard_says(pattern: str, path: str, fits: bool) -> None:
    assert covers(pattern, path) is fits


def test_the_longest_rule_of_the_group_that_names_us_wins() -> None:
    text = """
    User-agent: *
    Disallow: /
    User-agent: other
    User-agent: Leitmotif-Collect/2.0   # us
    Disallow: /private
    Allow: /private/open
    Crawl-delay: 2.5
    nonsense
    """
    rules = read_robots(text, "leitmotif-collect")
    assert rules.against("/a.wav") is None
    assert rules.against("/private/x.wav") == "/private"
    assert rules.against("/private/open/x.wav") is None
    assert rules.delay_s == 2.5
    assert read_robots(text, "somebody").against("/a.wav") == "/"
    assert read_robots("Disallow: /", "somebody").against("/a") is None
    assert read_robots("User-agent: *\nDisallow:\n", "somebody").against("/a") is None


def test_rules_are_as_long_as_their_octets() -> None:
    rules = read_robots("User-agent: *\nAllow: /*\nDisallow: /é\n", "somebody")
    assert rules.against("/é/a") == "/é"


def test_a_long_row_of_stars_is_matched_at_once() -> None:
    assert not covers("/" + "*a" * 5000 + "b$", "/" + "a" * 8000)


# As Google documents them:
# https://developers.google.com/search/docs/crawling-indexing/robots/robots_txt
@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("disallow: /fish", "/fish.html", False),
        ("disallow: /fish", "/fishheads/yummy.html", False),
        ("disallow: /fish", "/fish.php?id=anything", False),
        ("disallow: /fish", "/Fish.asp", True),
        ("disallow: /fish", "/catfish", True),
        ("disallow: /fish", "/desert/fish", True),
        ("disallow: /fish*", "/fishheads", False),
        ("disallow: /fish/", "/fish", True),
        ("disallow: /fish/", "/fish/?id=anything", False),
        ("disallow: /*.php", "/folder/filename.php?parameters", False),
        ("disallow: /*.php", "/windows.PHP", True),
        ("disallow: /*.php$", "/filename.php", False),
        ("disallow: /*.php$", "/filename.php?parameters", True),
        ("disallow: /*.php$", "/filename.php5", True),
        ("disallow: /fish*.php", "/fishheads/catfish.php?parameters", False),
        ("disallow: /fish*.php", "/Fish.PHP", True),
        ("allow: /p\ndisallow: /", "/page", True),
        ("allow: /folder\ndisallow: /folder", "/folder/page", True),
        ("allow: /page\ndisallow: /*.htm", "/page.htm", False),
        ("allow: /page\ndisallow: /*.ph", "/page.php5", True),
        ("allow: /$\ndisallow: /", "/", True),
        ("allow: /$\ndisallow: /", "/page.htm", False),
        # Escapes: letters need none, a slash that is escaped is another one.
        ("disallow: /a%3cd.html", "/a%3Cd.html", False),
        ("disallow: /a%3Cd.html", "/a<d.html", False),
        ("disallow: /a%2fb.html", "/a/b.html", True),
        ("disallow: /a%2fb.html", "/a%2Fb.html", False),
        ("disallow: /%7ejoe/", "/~joe/index.html", False),
        ("disallow: /ä", "/%C3%A4/x", False),
        ("disallow: /%E3%83%84", "/ツ", False),
        ("disallow: /a*", "/a%2A", False),
        ("disallow: /private", "/open/../private/x", False),
        ("disallow: /private", "/open/%2e%2e/private/x", False),
        ("disallow: /private/", "/private/.", False),
        # Slips.
        ("dissallow: /a", "/a", False),
        ("disallow /a", "/a", False),
        ("Disallow\t/a", "/a", False),
        ("DISALLOW : /a # not this", "/a", False),
        ("disallow: /a\rallow: /ab", "/ab", True),
        ("disallow: /a\r\nallow: /ab", "/ab", True),
        ("disallow:", "/", True),
        ("sitemap: https://x.example/a.xml\ndisallow: /a", "/a", False),
        ("nonsense: /\n\x00\x01\ndisallow: /a", "/a", False),
        ("disallow: a", "/a", True),
    ],
)
@pytest.mark.parametrize("begin", ["user-agent: *", "\ufeffUser-agent:*", "user agent: *", "useragent *"])
def test_rules_hold_as_documented(begin: str, rules: str, path: str, allowed: bool) -> None:
    assert (read_robots(f"{begin}\n{rules}\n", AGENT).against(path) is None) is allowed


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("leitmotif-collect", True),
        ("Leitmotif-Collect/9.1", True),
        ("leitmotif", True),
        ("leitmotif*", True),
        ("leitmotif-collect*", True),
        ("leitmotif-collector", False),
        ("leit", False),
        ("collect", False),
        ("", False),
        ("/", False),
        ("**", False),
    ],
)
def test_a_group_that_names_us_is_ours(name: str, ours: bool) -> None:
    text = f"user-agent: {name}\ndisallow: /a\n\nuser-agent: *\nuser-agent: other\ndisallow: /b\n"
    assert (read_robots(text, AGENT).against("/a") is not None) is ours
    assert (read_robots(text, AGENT).against("/b") is not None) is not ours


def test_groups_of_one_name_are_one_and_the_nearest_name_wins() -> None:
    text = (
        "user-agent: leitmotif\ndisallow: /\n"
        "user-agent: leitmotif-collect\ndisallow: /a\n"
        "user-agent: *\ndisallow: /\n"
        "user-agent: other\nuser-agent: leitmotif-collect\ndisallow: /b\n"
    )
    rules = read_robots(text, AGENT)
    assert [rules.against(path) for path in ("/a", "/b", "/c")] == ["/a", "/b", None]


@pytest.mark.parametrize(("delay", "seconds"), [("2.5", 2.5), ("0", 0.0), (".5", 0.5), ("007.", 7.0)])
def test_a_plain_number_is_a_delay(delay: str, seconds: float) -> None:
    assert read_robots(f"user-agent: *\ncrawl-delay: {delay}", AGENT).delay_s == seconds


@pytest.mark.parametrize(
    "delay", ["²", "٣", "1e999", "inf", "nan", "-3", "1_0", "9" * 5000, "1.2.3", "", "1 s"]
)
def test_nothing_else_is_a_delay(delay: str) -> None:
    assert read_robots(f"user-agent: *\ncrawl-delay: {delay}", AGENT).delay_s == 0.0


LINES = st.one_of(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["user-agent", "User-Agent", "useragent", "user agent"]),
        st.sampled_from([": ", ":", " : ", " "]),
        st.sampled_from(["*", "leitmotif-collect", "Leitmotif-Collect", "leitmotif", "otherbot", "Other*"]),
    ),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["allow", "disallow", "Disallow", "dissallow", "disalow"]),
        st.sampled_from([": ", ":", " : ", " ", ":\t"]),
        st.text("/ab*$%2Fé?=.~&", max_size=6).map(lambda text: f"/{text}"),
        st.sampled_from(["", " ", " # word", "#"]),
    ),
    st.sampled_from(["", "# word", "sitemap: https://x.example/s.xml", "disallow:", "crawl-delay: 1"]),
)
PATHS = st.text("/ab%2Fé?=.~&*$", max_size=8).map(lambda text: f"/{text}")


@settings(max_examples=300)
@given(st.lists(LINES, max_size=10), PATHS)
def test_what_protego_refuses_is_refused(lines: list[str], path: str) -> None:
    text = "\n".join(lines)
    ours = read_robots(text, AGENT).against(path) is None
    theirs = Protego.parse(text).can_fetch(f"https://x.example{path}", AGENT)
    assert ours == theirs or "/." in path


@settings(max_examples=200)
@given(st.text(max_size=200), st.text(max_size=30))
def test_any_text_can_be_read(text: str, path: str) -> None:
    for whole in (text, f"user-agent: *\n{text}", f"user-agent: *\ncontent-usage: {text}\ndisallow: {text}"):
        rules = read_robots(whole, AGENT)
        rules.against(path)
        rules.reserves(path)


def test_a_long_file_takes_as_much_room_as_it_is_long() -> None:
    names = "".join(f"user-agent: a{number}\nuser-agent: *\n" for number in range(20_000))
    rules = read_robots(names + "disallow: /a\n" * 20_000, AGENT)
    assert len(rules.rules) == 20_000


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("train-ai=n", False),
        ("train-ai=y", True),
        ("Train-AI = N", False),
        ('train-ai="n"', False),
        ("search=y, train-ai=n;reason=x", False),
        ("train-ai=y, train-ai=n", False),
        ("train-ai=n, train-ai=y", True),
        ("search=n", None),
        ("ai-train=no, search=yes", False),
        ("train-ai=y, train-genai=n", False),
        ("bots=n", False),
        ("bots=n, train-ai=y", True),
        ("tdm=n, search=y", False),
        ("train-ai", None),
        ("train-ai=maybe", None),
        ("train-ai=?0", None),
        ("", None),
        (",,=,;;", None),
    ],
)
def test_preferences_about_training_are_read(text: str, allowed: bool | None) -> None:
    assert training_allowed(text) is allowed


# The example of draft-ietf-aipref-attach, section 3.4.
AIPREF = """
User-Agent: *
Allow: /
Disallow: /never/
Content-Usage: / train-ai=n
Content-Usage: /ai-ok/ train-ai=y

User-Agent: ExampleBot
Allow: /
Content-Usage: / train-ai=y
"""


def test_usage_holds_as_documented() -> None:
    rules = read_robots(AIPREF, AGENT)
    assert rules.reserves("/test") == "Content-Usage"
    assert rules.reserves("/ai-ok/test") is None
    assert rules.against("/never/test") == "/never/"
    assert read_robots(AIPREF, "ExampleBot").reserves("/test") is None


@pytest.mark.parametrize(
    ("rules", "reserved"),
    [
        ("content-usage: train-ai=n", True),
        ("Content-Usage:\t/\ttrain-ai=n", True),
        ("content-usage /a train-ai=n", True),
        ("content-usage: /b train-ai=n", False),
        ("content-usage: /*.wav$ train-ai=n", True),
        ("content-usage: /a train-ai=n\ncontent-usage: /a train-ai=y", True),
        ("content-usage: / train-ai=n\ncontent-usage: /a.wav train-ai=y", False),
        ("content-usage: /", False),
        ("content-usage:", False),
        ("Content-Signal: search=yes,ai-train=no", True),
        ("content-signal: ai-train=yes\ncontent-usage: train-ai=n", True),
        ("Content-Signal: /a ai-train=no, search=yes", True),
    ],
)
def test_rules_of_usage_are_read(rules: str, reserved: bool) -> None:
    assert bool(read_robots(f"user-agent: *\n{rules}", AGENT).reserves("/a.wav")) is reserved
