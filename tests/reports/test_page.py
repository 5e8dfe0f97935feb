"""The report is one page that loads nothing, says what it must, and shows texts from the wild as texts."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pyarrow.parquet as pq
import pytest

from leitmotif.reports.page import compose_page, format_hours, funnel_steps, render_page
from leitmotif.reports.source import open_source
from leitmotif.reports.statistics.measure import statistics
from leitmotif.reports.statistics.schema import StatsError, check_stats
from tests.reports.large_stats import large_stats


class Page(HTMLParser):
    """Elements and attributes of a page, and whether every element was closed."""

    VOID = ("meta", "br", "img", "link", "input", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.unbalanced: list[str] = []
        self.feed(text)
        self.close()

    @property
    def links(self) -> list[str]:
        return [str(given[name]) for _, given in self.elements for name in ("src", "href") if name in given]

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)


@pytest.mark.parametrize(("clips", "video"), [(12, True), (12, False), (1, True), (0, True), (0, False)])
def test_the_page_is_whole_and_loads_nothing(publish, clips, video):
    text = render_page(publish(clips=clips, video=video))
    page = Page(text)
    assert page.unbalanced == [] and page.open == []
    media = ("data:image/jpeg;base64,", "data:audio/ogg;base64,", "data:,")
    assert all(link.startswith((*media, "#")) for link in page.links)
    assert page.tags.count("img") == (4 * clips if video else 0)
    assert page.tags.count("audio") == clips
    assert "url(" not in text and "@import" not in text
    assert "eval(" not in text and "fetch(" not in text and "XMLHttpRequest" not in text


def test_only_the_script_of_the_page_may_run(publish):
    text = render_page(publish(clips=1))
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy.startswith("default-src 'none';")
    script = text.rpartition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert text.count("<script>") == 1


def test_texts_from_the_wild_are_shown_as_texts(publish):
    text = render_page(publish(clips=1, quarantined=1))
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; {{ 7*7 }}") >= 3


def test_numbers_for_the_script_cannot_end_it(publish):
    stats = large_stats(300)
    stats["live"]["rules"][0]["unit"] = "</script><script>alert(1)</script>"
    text = compose_page(open_source(publish(clips=1)), stats)
    assert "<script>alert(1)" not in text
    held = text.partition('id="live">')[2].partition("</script>")[0]
    assert json.loads(held)["rules"][0]["unit"] == "</script><script>alert(1)</script>"


def test_the_banner_stands_when_embedded_models_made_numbers_and_only_then(publish):
    folder = publish(clips=2)
    assert "Made with embedded models." in render_page(folder)
    (folder / "recipe.yaml").unlink()
    assert "Made with embedded models." in render_page(folder)
    for path in (folder / "data").glob("*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns("models"), path)
    assert "Made with embedded models." not in render_page(folder)


def test_every_figure_of_the_paper_and_beyond_has_title_count_source_and_words(publish):
    text = render_page(publish(clips=12))
    figures = re.findall(r"<figure.*?</figure>", text, flags=re.DOTALL)
    assert len(figures) == text.count("<figure") >= 20
    for figure in figures:
        assert re.search(r"<h3>\S.+?</h3>", figure)
        assert re.search(r"<b>n = [\d,]+</b> \w+", figure)
        assert re.search(r"Source: (column|the stores|measured|rejected|stats)", figure)
        assert re.search(r'role="img" aria-label="[^"]{20,}"', figure)
    for number in ("4", "7", "8", "9", "10", "13"):
        assert f"As Fig. {number} of Visuals Music Bridge." in text
    for numbers in ("5 and 11", "6 and 12"):
        assert f"As Figs. {numbers} of Visuals Music Bridge." in text
    assert 'id="figure-key"' in text and "McCarthy and Jarvis 2010" in text
    assert ">motion 3</text>" in text and ">vocal 0.1</text>" in text
    assert "The threshold of too-long, 3600, lies outside." in text


def test_rejected_clips_are_listed_with_rule_value_and_threshold(publish):
    text = render_page(publish(clips=1, rejected=60))
    assert "The first 50 of 60." in text
    assert text.count("<bdi>near-duplicate</bdi></td>") == 16
    why = "the picture changes by 70 % from frame to frame; the rule wants at least 300 %"
    assert f'<bdi>motion</bdi></td><td class="wide"><bdi>{why}</bdi>' in text
    assert "clip0001" in text


def test_quarantined_clips_are_listed_with_their_message(publish):
    text = render_page(publish(quarantined=1))
    assert "NotMedia" in text and "expected a media file" in text


def test_bytes_that_are_neither_picture_nor_sound_are_left_out(publish):
    folder = publish(clips=1)
    shard = folder / "data" / "train-00000-of-00001.parquet"
    table = pq.read_table(shard)
    rows = table.to_pylist()
    rows[0]["frames"][0]["bytes"] = b"no picture"
    rows[0]["audio"]["bytes"] = b"no sound"
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), shard)
    page = Page(render_page(folder))
    assert page.tags.count("img") == 3 and page.tags.count("audio") == 0


def test_the_name_can_be_given_and_is_escaped(publish):
    assert "<title>a &lt;b&gt;: statistics</title>" in render_page(publish(clips=0), name="a <b>")


def test_the_funnel_ends_with_what_was_kept(publish):
    steps = funnel_steps(statistics(publish(clips=12, rejected=9, quarantined=2)))
    assert [steps[0][key] for key in ("step", "clips", "lost", "left_percent")] == [
        "catalogued",
        23,
        0,
        100.0,
    ]
    assert steps[-1]["step"] == "kept" and steps[-1]["clips"] == 12
    assert sum(step["lost"] for step in steps) == 11
    assert all(step["rule"] is None for step in steps), "nothing is known of what each rule saw"


def test_every_rule_of_the_table_has_a_slider_at_the_published_threshold(publish):
    stats = large_stats(300)
    steps = {step["step"]: step for step in funnel_steps(stats) if step["kind"] == "rule"}
    for rule in stats["live"]["rules"]:
        assert rule["stops"][steps[rule["name"]]["at"]] == rule["threshold"]
    hidden = [step for step in funnel_steps(stats) if step["hidden"]]
    assert {step["kind"] for step in hidden} == {"quarantined", "pending"}
    page = Page(compose_page(open_source(publish(clips=1)), stats))
    sliders = [given for tag, given in page.elements if tag == "input" and given.get("type") == "range"]
    assert [slider["data-rule"] for slider in sliders] == [rule["name"] for rule in stats["live"]["rules"]]
    assert all(slider["value"] == slider["data-published"] and slider["aria-label"] for slider in sliders)


def test_a_hundred_thousand_rows_make_a_page_under_eight_megabytes(publish):
    stats = large_stats(100_000)
    check_stats(stats)
    text = compose_page(open_source(publish(clips=12)), stats)
    assert 1e6 < len(text.encode()) < 8e6
    assert text.count("<g data-tip=") < 12_000, "aggregated, no row of the dataset is a mark"


def test_statistics_of_another_form_are_refused_by_place():
    stats = large_stats(50)
    stats["counts"]["kept"] = "many"
    with pytest.raises(StatsError, match=r"stats.json: counts/kept: 'many' is not of type 'integer'"):
        check_stats(stats)


def test_hours_are_written_for_reading():
    assert [format_hours(hours) for hours in (0.0778, 12.34, 1234.5)] == ["4.67 min", "12.3 h", "1,234 h"]


def test_the_page_says_one_length_of_what_is_kept(publish):
    # Rounded by split and added up, it would be 1.84 min beside 1.83 min in the funnel.
    page = render_page(publish(clips=5))
    assert "<b>1.83 min</b><small>of music kept</small>" in page and "1.84 min" not in page
