"""What the responses say: means with intervals, tests between systems, agreement.

The unit is the participant. A participant's ratings of a system are averaged over the clips first, since
ratings by one person are not independent; means, intervals and tests are then taken over participants.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from leitmotif.review.survey.agreement import krippendorff_alpha
from leitmotif.review.survey.key import Key
from leitmotif.review.survey.questions import HIGHEST
from leitmotif.review.survey.responses import Response

CONFIDENCE = 0.95
# A version that was heard for less was hardly heard.
HEARD_S = 1.0


@dataclass(frozen=True)
class Score:
    """A system's mean on one question, 1 to 5, with its 95 % t-interval over participants."""

    question: str
    system: str
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """Two systems on one question, over participants.

    Attributes:
        question: The question.
        system: One system.
        other: The other one.
        difference: Mean of `system` less `other`.
        low: Lower end of its 95 % t-interval; None with one participant.
        high: Upper end.
        p: Two-sided Wilcoxon signed-rank test; None where nobody tells them apart.
        p_holm: That p, corrected by Holm's method for the pairs of the question.
    """

    question: str
    system: str
    other: str
    difference: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None


@dataclass(frozen=True)
class Results:
    """Everything that the responses say.

    Attributes:
        participants: How many answered.
        ratings: Ratings in all.
        unheard: Versions that were rated after less than a second of listening.
        scores: Scores by question and system.
        comparisons: Comparisons by question and pair.
        agreement: Krippendorff's alpha (ordinal) of each question over the versions.
    """

    participants: int
    ratings: int
    unheard: int
    scores: list[Score]
    comparisons: list[Comparison]
    agreement: dict[str, float | None]


def compute_results(key: Key, responses: Sequence[Response]) -> Results:
    """Return what the responses to a survey say.

    Args:
        key: The survey's key.
        responses: One of each participant, at least one.
    """
    scores: list[Score] = []
    comparisons: list[Comparison] = []
    for question in key.questions:
        means = _participant_means(key, responses, question)
        for system in key.systems:
            scores.append(Score(question, system, float(means[system].mean()), *t_interval(means[system])))
        comparisons += _compare(question, means)
    answers = [answer for response in responses for answer in response.answers]
    return Results(
        participants=len(responses),
        ratings=len(answers) * len(key.questions),
        unheard=sum(answer.listened_s < HEARD_S for answer in answers),
        scores=scores,
        comparisons=comparisons,
        agreement={question: _agreement(responses, question) for question in key.questions},
    )


def _participant_means(key: Key, responses: Sequence[Response], question: str) -> dict[str, np.ndarray]:
    """Return each participant's mean rating of each system, shape (participants,)."""
    found: dict[str, list[float]] = {system: [] for system in key.systems}
    for response in responses:
        ratings: dict[str, list[int]] = {system: [] for system in key.systems}
        for answer in response.answers:
            ratings[key.versions[answer.version].system].append(answer.ratings[question])
        for system, given in ratings.items():
            found[system].append(sum(given) / len(given))
    return {system: np.array(means) for system, means in found.items()}


def t_interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """Return the ends of the 95 % interval of a mean by Student's t; None for fewer than two values.

    Args:
        values: Shape (n,).
    """
    if len(values) < 2:
        return None, None
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def _compare(question: str, means: dict[str, np.ndarray]) -> list[Comparison]:
    pairs = list(itertools.combinations(means, 2))
    differences = [means[one] - means[other] for one, other in pairs]
    tested = [wilcoxon_p(difference) for difference in differences]
    corrected = iter(holm([p for p in tested if p is not None]))
    return [
        Comparison(
            question,
            one,
            other,
            float(difference.mean()),
            *t_interval(difference),
            p,
            None if p is None else next(corrected),
        )
        for (one, other), difference, p in zip(pairs, differences, tested, strict=True)
    ]


def wilcoxon_p(differences: np.ndarray) -> float | None:
    """Return p of the two-sided Wilcoxon signed-rank test; None where all differences are zero.

    Zeros are left out, tied ranks are averaged. p is exact, ties or not: the share of all ways in which the
    signs can fall that are as extreme, where SciPy falls back on a normal approximation.

    Args:
        differences: Shape (n,).
    """
    # Means of whole numbers that are equal may differ by rounding, which would break ties.
    differences = np.round(differences, 9)
    differences = differences[differences != 0]
    if len(differences) == 0:
        return None
    doubled = np.round(2 * stats.rankdata(np.abs(differences))).astype(int)
    shares = np.zeros(doubled.sum() + 1)  # of each sum of positive ranks, twice over
    shares[0] = 1.0
    for rank in doubled:
        shares = (shares + np.concatenate([np.zeros(rank), shares[:-rank]])) / 2
    positive = doubled[differences > 0].sum()
    return float(min(1.0, 2 * min(shares[: positive + 1].sum(), shares[positive:].sum())))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number by Holm's step-down method, in the order given."""
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, number in enumerate(sorted(range(len(p_values)), key=lambda number: p_values[number])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[number]))
        corrected[number] = highest
    return corrected


def _agreement(responses: Sequence[Response], question: str) -> float | None:
    units: dict[str, list[int]] = {}
    for response in responses:
        for answer in response.answers:
            units.setdefault(answer.version, []).append(answer.ratings[question])
    return krippendorff_alpha(units.values(), HIGHEST)
