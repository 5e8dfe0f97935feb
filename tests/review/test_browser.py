"""A browser fills in a survey, by mouse and by keyboard, offline and from a server."""

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from leitmotif.review.survey.build import make_survey
from leitmotif.review.survey.key import Key
from leitmotif.review.survey.material import find_material
from leitmotif.review.survey.responses import read_responses
from leitmotif.review.survey.results import compute_results
from leitmotif.review.survey.server import SurveyServer
from tests.review.survey_material import systems_in, write_film

pytestmark = pytest.mark.slow

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# Of a busy machine.
PATIENCE_S = 60
# How much each participant likes each system.
TASTES = {"1": {"ours": 5, "base": 2}, "2": {"ours": 4, "base": 4}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install 'leitmotif-av[browser]'")
    if not CHROMIUM.is_file():
        pytest.skip(f"{CHROMIUM} is missing; apt install chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    write_film(tmp_path / "videos" / "one.mp4", sound=False)
    write_film(tmp_path / "videos" / "two.mp4", sound=False)
    material = find_material(systems_in(tmp_path, "ours", "base"), videos=tmp_path / "videos")
    make_survey(material, tmp_path / "survey", participants=2)
    return tmp_path / "survey"


@pytest.fixture
def key(survey: Path) -> Key:
    from leitmotif.review.survey.key import load_key

    return load_key(survey)


def wait_until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Visit:
    """One participant in front of the page."""

    def __init__(self, browser: Any, address: str, participant: str) -> None:
        self.context = browser.new_context(accept_downloads=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE_S)
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.goto(address)
        self.participant = participant
        self.page.fill("#participant", participant)
        self.page.keyboard.press("Enter")

    def versions(self) -> list[str]:
        """Names of the versions on the page, from their questions."""
        ids = self.page.locator("fieldset").evaluate_all("fields => fields.map(field => field.id)")
        return list(dict.fromkeys(name.rsplit("-", 1)[0] for name in ids))

    def play_all(self) -> None:
        for number in range(len(self.versions())):
            media = self.page.locator("[controls]").nth(number)
            media.evaluate("media => media.play()")
            wait_until(lambda media=media: media.evaluate("media => media.currentTime > 0.4"))

    def rate_all(self, key: Key) -> None:
        """By keyboard: the number of each rating, with the first choice of each question in focus."""
        for name in self.versions():
            for question in key.questions:
                field = self.page.locator(f"fieldset[id='{name}-{question}']")
                field.locator("input").first.focus()
                self.page.keyboard.press(str(TASTES[self.participant][key.versions[name].system]))

    def finish(self, key: Key) -> None:
        for _ in range(2):
            self.play_all()
            self.rate_all(key)
            self.page.click("#next")


def test_two_participants_offline_give_the_results_of_a_sum_by_hand(
    browser: Any, survey: Path, key: Key, tmp_path: Path
) -> None:
    paths = []
    for participant in TASTES:
        visit = Visit(browser, (survey / "questionnaire" / "index.html").as_uri(), participant)
        order = int(participant) - 1
        assert visit.versions() == key.orders[order][0]
        visit.finish(key)
        with visit.page.expect_download() as download:
            visit.page.click("#save")
        paths.append(tmp_path / download.value.suggested_filename)
        download.value.save_as(paths[-1])
        assert all(address.startswith(("file://", "data:", "blob:")) for address in visit.asked)
        assert visit.wrong == []
        visit.context.close()
    assert [path.name for path in paths] == ["response-1.json", "response-2.json"]
    responses = read_responses(key, paths)
    assert all(answer.listened_s > 0.2 for response in responses for answer in response.answers)
    results = compute_results(key, responses)
    means = {(score.question, score.system): score.mean for score in results.scores}
    assert means == {
        (question, system): mean
        for question in key.questions
        for system, mean in (("ours", 4.5), ("base", 3.0))
    }
    assert results.comparisons[0].difference == 1.5


def test_nobody_goes_on_without_having_listened_and_rated(browser: Any, survey: Path, key: Key) -> None:
    visit = Visit(browser, (survey / "questionnaire" / "index.html").as_uri(), "1")
    page = visit.page
    page.click("#next")
    assert page.locator("[role=alert]").last.inner_text() == "Please play version A before you go on."
    visit.play_all()
    page.click("#next")
    assert page.locator("[role=alert]").last.inner_text() == "8 ratings are missing; they are marked."
    assert page.evaluate("document.activeElement.value") == "1"
    assert page.locator("fieldset.missing").count() == 8
    page.keyboard.press("3")
    assert page.locator("fieldset.missing").count() == 7
    assert "of 2 " in page.inner_text("#place")


def test_a_visit_goes_on_where_it_was_left(browser: Any, survey: Path, key: Key) -> None:
    visit = Visit(browser, (survey / "questionnaire" / "index.html").as_uri(), "2")
    visit.play_all()
    visit.rate_all(key)
    visit.page.fill("#comment", "the second is dull")
    visit.page.click("#next")
    visit.page.reload()
    assert visit.page.input_value("#participant") == "2"
    visit.page.click("text=Start")
    assert visit.page.inner_text("#place") == "Clip 2 of 2 · 2 of 4 rated"
    visit.page.click("text=Back")
    assert visit.page.input_value("#comment") == "the second is dull"
    assert visit.page.locator("input:checked").count() == 8


def test_the_video_follows_the_sound(browser: Any, survey: Path) -> None:
    visit = Visit(browser, (survey / "questionnaire" / "index.html").as_uri(), "1")
    page = visit.page
    page.locator("audio").first.evaluate("audio => { audio.currentTime = 0.5; return audio.play(); }")
    wait_until(lambda: page.locator("video").first.evaluate("video => video.currentTime > 0.6"))
    assert page.locator("video").first.evaluate("video => video.muted")
    page.locator("audio").nth(1).evaluate("audio => audio.play()")
    assert page.locator("audio").first.evaluate("audio => audio.paused")


def test_a_server_of_files_alone_is_enough(browser: Any, survey: Path, key: Key) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(survey / "questionnaire"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        visit = Visit(browser, f"http://127.0.0.1:{server.server_address[1]}/", "2")
        visit.page.wait_for_selector("fieldset")
        assert visit.versions() == key.orders[1][0]
        visit.finish(key)
        visit.page.wait_for_selector("text=could not be sent: the server answered 501")
        with visit.page.expect_download() as download:
            visit.page.click("#save")
        server.shutdown()
    assert download.value.suggested_filename == "response-2.json"


def test_a_hosted_survey_collects_by_itself_and_says_so_when_it_cannot(
    browser: Any, survey: Path, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(facts: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with SurveyServer(survey, port=0) as server:
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.address[1]}/"
        visit = Visit(browser, f"{address}?participant=1", "1")
        visit.page.wait_for_selector("fieldset")
        visit.finish(key)
        visit.page.wait_for_selector("text=Your answers have arrived")
        assert all(asked.startswith((address, "data:")) for asked in visit.asked)
        assert visit.wrong == []
        again = Visit(browser, address, "1")
        again.page.wait_for_selector("text=participant '1' has answered already")
        other = Visit(browser, address, "2")
        other.page.wait_for_selector("fieldset")
        monkeypatch.setattr(server.assignments, "store", refuse)
        other.finish(key)
        other.page.wait_for_selector("text=could not store it (No space left on device). Send them again")
        with other.page.expect_download() as download:
            other.page.click("#save")
        server.stop()
        thread.join()
    assert json.loads(Path(download.value.path()).read_text())["participant"] == "2"
    (stored,) = read_responses(key, [survey / "responses"])
    assert stored.participant == "1"
