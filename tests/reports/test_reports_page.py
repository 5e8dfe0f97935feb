"""The report is one page that loads nothing, says what it must, and shows texts from the wild as texts."""

import re
from html.parser import HTMLParser

import pyarrow.parquet as pq
import pytest

from reports.page import funnel_steps, render_page
from reports.plots import axis_ticks, plot_bars, plot_funnel, plot_histogram, whole_ticks
from reports.statistics import statistics


class Page(HTMLParser):
    """Elements and attributes of a page, and whether every element was closed."""

    VOID = ("meta", "br", "img", "link", "input", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)


@pytest.mark.parametrize(("clips", "video"), [(12, True), (12, False), (1, True), (0, True), (0, False)])
def test_the_page_is_whole_and_loads_nothing(publish, clips, video):
    text = render_page(publish(clips=clips, video=video))
    page = Page(text)
    assert page.unbalanced == [] and page.open == []
    assert "script" not in page.tags
    assert all(link.startswith("data:image/jpeg;base64,") for link in page.links)
    assert page.tags.count("img") == (4 * min(clips, 6) if video else 0)
    assert "url(" not in text and "@import" not in text


def test_texts_from_the_wild_are_shown_as_texts(publish):
    text = render_page(publish(clips=1, quarantined=1))
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; {{ 7*7 }}") >= 3


def test_the_banner_stands_when_embedded_models_made_numbers_and_only_then(publish):
    folder = publish(clips=2)
    assert "Made with embedded models." in render_page(folder)
    (folder / "recipe.yaml").unlink()
    assert "Made with embedded models." in render_page(folder)
    for path in (folder / "data").glob("*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns("models"), path)
    assert "Made with embedded models." not in render_page(folder)


def test_rejected_clips_are_listed_with_rule_value_and_threshold(publish):
    text = render_page(publish(rejected=60))
    assert "The first 50 of" in text and text.count("near-duplicate</td>") == 16 + 1
    assert re.search(r"<td>motion</td>\s*<td class=\"n\">0.7</td><td class=\"n\">3</td>", text)
    assert "clip0001" in text


def test_quarantined_clips_are_listed_with_their_message(publish):
    text = render_page(publish(quarantined=1))
    assert "NotMedia" in text and "expected a media file" in text


def test_thresholds_are_marked_on_the_plots(publish):
    text = render_page(publish())
    assert ">motion 3</text>" in text and ">vocal 0.1</text>" in text
    assert "too-long 3,600 lies outside" in text


def test_bytes_that_are_no_picture_leave_the_thumbnail_out(publish):
    folder = publish(clips=1)
    shard = folder / "data" / "train-00000-of-00001.parquet"
    rows = pq.read_table(shard).to_pylist()
    rows[0]["frames"][0]["bytes"] = b"no picture"
    schema = pq.read_schema(shard)
    pq.write_table(type(pq.read_table(shard)).from_pylist(rows, schema=schema), shard)
    assert Page(render_page(folder)).tags.count("img") == 3


def test_the_name_can_be_given_and_is_escaped(publish):
    assert "<title>a &lt;b&gt;: statistics</title>" in render_page(publish(clips=0), name="a <b>")


def test_the_funnel_ends_with_what_was_kept(publish):
    steps = funnel_steps(statistics(publish(clips=12, rejected=9, quarantined=2)))
    assert steps[0] == ("catalogued", 23, 0)
    assert steps[1] == ("not quarantined", 21, 2)
    assert steps[-1] == ("kept", 12, 0)
    assert steps[-2][1] == 12


def test_a_plot_escapes_names_and_labels():
    for plot in (
        plot_bars({"<b>": 3}, label="<i>"),
        plot_funnel([("<b>", 3, 1)], label="<i>"),
        plot_histogram(
            {"edges": [0, 1, 2], "counts": [1, 2], "rejected_counts": [], "thresholds": {"<b>": 1.0}},
            label="<i>",
        ),
    ):
        assert "<b>" not in plot and "<i>" not in plot and "&lt;b&gt;" in plot


def test_axis_ticks_are_round_and_cover_the_axis():
    assert axis_ticks(0, 30) == [0, 5, 10, 15, 20, 25, 30]
    assert axis_ticks(0.4, 1.0)[-1] == 1.0
    assert whole_ticks(1) == [0, 1]
    assert whole_ticks(130)[-1] >= 130
