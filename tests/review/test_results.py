"""What responses say, against sums by hand, and what is wrong with bad responses."""

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from leitmotif.cli import survey as command
from leitmotif.review.survey.agreement import krippendorff_alpha
from leitmotif.review.survey.build import make_survey
from leitmotif.review.survey.key import Key
from leitmotif.review.survey.material import find_material
from leitmotif.review.survey.responses import check_response, read_responses
from leitmotif.review.survey.results import Comparison, compute_results, holm, t_interval, wilcoxon_p
from leitmotif.storage.errors import UserError
from tests.review.survey_material import response_to, systems_in, write_responses

SYSTEMS = ("ours", "base", "noise")
# One rating per participant; each gives it to both clips, but for what `uneven` changes.
RATINGS = {"ours": (4, 5, 3, 4), "base": (2, 4, 3, 1), "noise": (1, 1, 1, 1)}


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    for name in ("one", "two"):
        (prompts / f"{name}.txt").write_text(f"music called {name}")
    material = find_material(systems_in(tmp_path, *SYSTEMS), prompts=prompts)
    make_survey(material, tmp_path / "survey", participants=6)
    return tmp_path / "survey"


@pytest.fixture
def key(survey: Path) -> Key:
    from leitmotif.review.survey.key import load_key

    return load_key(survey)


@pytest.fixture
def responses(key: Key) -> list[dict[str, Any]]:
    found = []
    for number in range(4):
        ratings = {(system, "MP"): given[number] for system, given in RATINGS.items()}
        found.append(response_to(key, str(number + 1), number, ratings))
    return found


def uneven(key: Key, response: dict[str, Any]) -> None:
    """Let ratings of the system "ours" differ by clip around the same mean: 4 becomes 5 and 3."""
    for answer in response["answers"]:
        version = key.versions[answer["version"]]
        if version.system == "ours":
            answer["ratings"]["MP"] = {"one.wav": 5, "two.wav": 3}[version.clip]


def test_results_equal_a_sum_by_hand(key: Key, responses: list[dict[str, Any]]) -> None:
    uneven(key, responses[0])
    results = compute_results(key, [check_response(key, response) for response in responses])
    assert (results.participants, results.ratings, results.unheard) == (4, 4 * 6 * 2, 0)
    scores = {(score.question, score.system): score for score in results.scores}
    # ours: 4 5 3 4, mean 4, s = sqrt(2/3); base: 2 4 3 1, mean 2.5, s = sqrt(5/3); t(3 df, 0.975) = 3.18245
    ours, base = scores["MP", "ours"], scores["MP", "base"]
    assert ours.mean == 4.0
    assert (ours.low, ours.high) == (
        pytest.approx(4 - 1.29923, abs=1e-4),
        pytest.approx(4 + 1.29923, abs=1e-4),
    )
    assert base.mean == 2.5
    assert (base.low, base.high) == (pytest.approx(0.44574, abs=1e-4), pytest.approx(4.55426, abs=1e-4))
    noise = scores["MP", "noise"]
    assert (noise.mean, noise.low, noise.high) == (1.0, 1.0, 1.0)
    pairs = {(pair.system, pair.other): pair for pair in results.comparisons if pair.question == "MP"}
    # ours - base: 2 1 0 3; without the zero all ranks are positive, so p = 2 / 2^3
    first = pairs["ours", "base"]
    assert (first.difference, first.p) == (1.5, 0.25)
    assert first.low == pytest.approx(1.5 - 2.05426, abs=1e-4)
    # ours - noise: 3 4 2 3, p = 2 / 2^4; base - noise: 1 3 2 0, p = 2 / 2^3
    # Holm: 3 x 0.125, 2 x 0.25, 1 x 0.25 but no less than the one before
    assert (pairs["ours", "noise"].p, pairs["ours", "noise"].p_holm) == (0.125, 0.375)
    assert (pairs["base", "noise"].p, pairs["base", "noise"].p_holm) == (0.25, 0.5)
    assert first.p_holm == 0.5
    assert [pair.p_holm for pair in results.comparisons if pair.question == "TMA"] == [None] * 3
    assert results.agreement["TMA"] is None


def test_p_is_that_of_scipy_without_ties_and_the_same_with_other_signs() -> None:
    rng = np.random.default_rng(0)
    for count in (1, 5, 13, 40, 64):
        differences = np.round(rng.normal(0.4, 1, count), 1)
        assert wilcoxon_p(differences) == pytest.approx(wilcoxon_p(-differences))
        untied = rng.normal(0.4, 1, count)
        assert wilcoxon_p(untied) == pytest.approx(stats.wilcoxon(untied, method="exact").pvalue)


def test_ties_and_zeros_are_counted_out_exactly() -> None:
    # Ranks 2 2 2 4, one negative of rank 2: of 16 signings, W- <= 2 holds for 1 (none) + 3 (one of the twos).
    assert wilcoxon_p(np.array([1.0, 1.0, -1.0, 2.0, 0.0])) == 2 * 4 / 16
    # Thirds that ought to be equal are tied whatever their last bit.
    assert wilcoxon_p(np.array([2 / 3, 1 - 1 / 3, -(1 / 3 + 1 / 3), 4 / 3])) == 0.5
    assert wilcoxon_p(np.zeros(3)) is None


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_one_participant_gives_no_interval(key: Key, responses: list[dict[str, Any]]) -> None:
    results = compute_results(key, [check_response(key, responses[0])])
    assert (results.scores[0].low, results.scores[0].high) == (None, None)
    assert results.comparisons[0] == Comparison("MP", "ours", "base", 2.0, None, None, 1.0, 1.0)
    assert t_interval(np.array([1.0])) == (None, None)


def test_alpha_equals_krippendorffs_own_example() -> None:
    # Krippendorff (2011), table of four observers and twelve units: 0.815 for ordinal data.
    table = (
        "123321412***",
        "12332241 25*3".replace(" ", ""),
        "*3332342251*",
        "1233244125 1*".replace(" ", ""),
    )
    units = [[int(rating) for rating in unit if rating != "*"] for unit in zip(*table, strict=True)]
    assert krippendorff_alpha(units, 5) == pytest.approx(0.815, abs=5e-4)
    assert krippendorff_alpha([[1, 1], [5, 5], [3, 3]], 5) == 1.0
    assert krippendorff_alpha([[1, 5], [5, 1]], 5) == pytest.approx(-0.5)
    assert krippendorff_alpha([[2, 2], [2]], 5) is None


def spoil_survey(response: dict[str, Any]) -> None:
    response["survey"] = "0123456789abcdef"


def spoil_range(response: dict[str, Any]) -> None:
    response["answers"][0]["ratings"]["MP"] = 6


def spoil_type(response: dict[str, Any]) -> None:
    response["answers"][0]["ratings"]["MP"] = True


def spoil_half(response: dict[str, Any]) -> None:
    response["answers"][0]["ratings"]["MP"] = 3.5


def spoil_question(response: dict[str, Any]) -> None:
    del response["answers"][0]["ratings"]["TMA"]


def spoil_versions(response: dict[str, Any]) -> None:
    del response["answers"][2:4]


def spoil_twice(response: dict[str, Any]) -> None:
    response["answers"][1] = response["answers"][0]


def spoil_name(response: dict[str, Any]) -> None:
    response["answers"][0]["version"] = "../../key.json"


def spoil_order(response: dict[str, Any]) -> None:
    response["order"] = 6


def spoil_participant(response: dict[str, Any]) -> None:
    response["participant"] = " "


def spoil_seconds(response: dict[str, Any]) -> None:
    response["answers"][0]["listened_s"] = float("nan")


def spoil_comment(response: dict[str, Any]) -> None:
    response["comments"] = [{"clip": 2, "text": "nice"}]


def spoil_answers(response: dict[str, Any]) -> None:
    response["answers"] = {}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_survey, "this response is of survey '0123456789abcdef', not of"),
        (spoil_range, "is 6; expected a whole number 1 to 5"),
        (spoil_type, "is True; expected a whole number 1 to 5"),
        (spoil_half, "is 3.5; expected a whole number 1 to 5"),
        (spoil_question, "is rated on MP; expected MP, TMA"),
        (spoil_versions, "it is incomplete: 2 of 6 versions are not rated"),
        (spoil_twice, "or one of them twice"),
        (spoil_name, "it answers a version that this survey does not hold"),
        (spoil_order, "order is 6; expected 0 to 5"),
        (spoil_participant, "participant is ' '; expected a number or name"),
        (spoil_seconds, "is nan; expected seconds, 0 to 10000000"),
        (spoil_comment, "it comments on a clip that this survey does not hold"),
        (spoil_answers, "answers is dict; expected a list"),
    ],
)
def test_a_response_of_no_use_is_one_line_that_names_its_file(
    spoil: Callable[[dict[str, Any]], None],
    said: str,
    key: Key,
    responses: list[dict[str, Any]],
    tmp_path: Path,
) -> None:
    spoil(responses[1])
    paths = write_responses(tmp_path / "got", *responses)
    with pytest.raises(UserError) as raised:
        read_responses(key, paths)
    assert said in str(raised.value) and str(paths[1]) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"answers": []}', "\x00"])
def test_a_file_that_is_no_response_is_one_line(text: str, key: Key, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"r\.json'") as raised:
        read_responses(key, [path])
    assert "\n" not in str(raised.value)


def test_a_participant_counts_once(key: Key, responses: list[dict[str, Any]], tmp_path: Path) -> None:
    responses[2]["participant"] = " 1 "
    paths = write_responses(tmp_path / "got", *responses)
    with pytest.raises(UserError, match=r"participant '1' has answered twice, in .*leave one out"):
        read_responses(key, paths)
    assert len(read_responses(key, [paths[0], paths[1], paths[0]])) == 2  # one file, given twice


def test_the_command_reports_what_a_folder_holds(
    survey: Path, key: Key, responses: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="no response was found"):
        command.run(Namespace(action="report", survey=survey, responses=[], json=False))
    responses[0]["comments"] = [{"clip": 1, "text": "warm"}]
    responses[3]["answers"][0]["listened_s"] = 0.2
    write_responses(survey / "responses", *responses)
    assert command.run(Namespace(action="report", survey=survey, responses=[], json=False)) == 0
    said = capsys.readouterr().out
    assert "4 participants, 48 ratings" in said
    assert "1 versions were rated after less than a second" in said
    assert "MP   ours   4.00  [2.70, 5.30]" in said
    assert "MP   ours - base    +1.50  [-0.55, 3.55]  p 0.5" in said
    assert "TMA  ours - base    +0.00  [0.00, 0.00]  no difference to test" in said
    assert command.run(Namespace(action="report", survey=survey, responses=[], json=True)) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["comments"] == [{"participant": "1", "clip": "two.wav", "text": "warm"}]
    assert facts["scores"][0]["mean"] == 4.0
