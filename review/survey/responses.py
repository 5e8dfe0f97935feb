"""What a participant answered: one JSON file, from the page's download or from the server."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from leitmotif.review.survey.key import Key
from leitmotif.review.survey.questions import HIGHEST, LOWEST
from leitmotif.shards.texts import encodable
from leitmotif.storage.errors import UserError

LONGEST_NAME, LONGEST_COMMENT = 64, 4000
# Four months: what is more is no time of listening.
_LONGEST_S = 1e7
_LONGEST_TIME = 40


@dataclass(frozen=True)
class Answer:
    """One version's ratings by question, and the seconds for which it was heard."""

    version: str
    ratings: Mapping[str, int]
    listened_s: float


@dataclass(frozen=True)
class Response:
    """Everything that one participant answered.

    Attributes:
        participant: Number or name.
        order: Number of the order that was heard.
        answers: One for each version of that order.
        comments: What was written about clips, by the clip's name.
    """

    participant: str
    order: int
    answers: tuple[Answer, ...]
    comments: Mapping[str, str]


def check_response(key: Key, facts: Any) -> Response:
    """Return a response that answers a survey fully.

    Args:
        key: The survey's key.
        facts: What was read from JSON.

    Raises:
        UserError: It is of another survey, incomplete, or holds what cannot be.
    """
    if not isinstance(facts, dict) or "survey" not in facts:
        raise UserError("this is no response; expected a JSON object that the questionnaire wrote")
    if facts["survey"] != key.survey:
        raise UserError(
            f"this response is of survey {reprlib.repr(facts['survey'])}, not of {key.survey!r}; give "
            "its own survey"
        )
    participant = check_participant(facts.get("participant"))
    order = facts.get("order")
    if type(order) is not int or not 0 <= order < len(key.orders):
        raise UserError(f"order is {reprlib.repr(order)}; expected 0 to {len(key.orders) - 1}")
    wanted = [version for group in key.orders[order] for version in group]
    answers = [_check_answer(key, answer) for answer in _list(facts, "answers")]
    given = [answer.version for answer in answers]
    if len(set(given)) < len(given) or not set(given) <= set(wanted):
        raise UserError(f"it answers versions that order {order} does not hold, or one of them twice")
    if missing := len(wanted) - len(given):
        raise UserError(
            f"it is incomplete: {missing} of {len(wanted)} versions are not rated; let the participant finish"
        )
    return Response(participant, order, tuple(answers), _comments(key, facts))


def check_participant(name: Any) -> str:
    """Return a participant's number or name.

    Raises:
        UserError: It is none.
    """
    plain = encodable(name[: 2 * LONGEST_NAME]).strip() if isinstance(name, str) else ""
    if not 0 < len(plain) <= LONGEST_NAME:
        raise UserError(
            f"participant is {reprlib.repr(name)}; expected a number or name, 1 to {LONGEST_NAME} letters"
        )
    return plain


def _list(facts: Mapping[str, Any], name: str) -> list[Any]:
    found = facts.get(name, [])
    if not isinstance(found, list):
        raise UserError(f"{name} is {type(found).__name__}; expected a list")
    return found


def _check_answer(key: Key, answer: Any) -> Answer:
    version, ratings = (answer.get("version"), answer.get("ratings")) if isinstance(answer, dict) else (0, 0)
    if not isinstance(version, str) or version not in key.versions:
        raise UserError("it answers a version that this survey does not hold")
    if not isinstance(ratings, dict) or set(ratings) != set(key.questions):
        said = ", ".join(sorted(ratings))[:80] if isinstance(ratings, dict) and ratings else "nothing"
        raise UserError(
            f"it is incomplete: version {version!r} is rated on {said}; expected {', '.join(key.questions)}"
        )
    for question, rating in ratings.items():
        if type(rating) is not int or not LOWEST <= rating <= HIGHEST:
            raise UserError(
                f"{question} of version {version!r} is {reprlib.repr(rating)}; expected a whole number "
                f"{LOWEST} to {HIGHEST}"
            )
    listened_s = answer.get("listened_s", 0.0)
    if type(listened_s) not in (int, float) or not 0 <= listened_s <= _LONGEST_S:
        raise UserError(
            f"listened_s of version {version!r} is {reprlib.repr(listened_s)}; expected seconds, 0 to "
            f"{_LONGEST_S:.0f}"
        )
    return Answer(version, ratings, float(listened_s))


def _comments(key: Key, facts: Mapping[str, Any]) -> dict[str, str]:
    comments = {}
    for comment in _list(facts, "comments"):
        number = comment.get("clip") if isinstance(comment, dict) else None
        if type(number) is not int or not 0 <= number < len(key.clips):
            raise UserError("it comments on a clip that this survey does not hold")
        text = comment.get("text", "")
        if not isinstance(text, str):
            raise UserError(f"a comment is {type(text).__name__}; expected a text")
        comments[key.clips[number]] = encodable(text[:LONGEST_COMMENT])
    return comments


def record_of(key: Key, response: Response, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of a response: what was checked, and when it was started and finished.

    Args:
        key: The survey's key.
        response: The response, checked.
        facts: What it was read from.
    """
    said = {name: facts.get(name) for name in ("started", "finished")}
    times = {name: at[:_LONGEST_TIME] if isinstance(at, str) else None for name, at in said.items()}
    numbers = {clip: number for number, clip in enumerate(key.clips)}
    return {
        "survey": key.survey,
        "participant": response.participant,
        "order": response.order,
        **encodable(times),
        "answers": [asdict(answer) for answer in response.answers],
        "comments": [{"clip": numbers[clip], "text": text} for clip, text in response.comments.items()],
    }


def read_responses(key: Key, paths: Sequence[Path]) -> list[Response]:
    """Read the responses of all participants, in the order of their names.

    Args:
        key: The survey's key.
        paths: Response files, and folders of them.

    Raises:
        UserError: There are none, one is of no use, or a participant has answered twice.
    """
    owners: dict[str, Path] = {}
    responses = []
    for path in _files(paths):
        try:
            response = check_response(key, json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise UserError(f"response {str(path)!r} cannot be read ({error.strerror})") from error
        except UserError as error:
            raise UserError(f"response {str(path)!r}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise UserError(f"response {str(path)!r} is no JSON ({error}); get the file again") from error
        if owner := owners.get(response.participant):
            raise UserError(
                f"participant {response.participant!r} has answered twice, in {str(owner)!r} and "
                f"{str(path)!r}; leave one out"
            )
        owners[response.participant] = path
        responses.append(response)
    if not responses:
        raise UserError(
            "no response was found; expected the files that participants sent, or a folder of them"
        )
    return sorted(responses, key=lambda response: response.participant)


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.json")) if path.is_dir() else [path]
    return list({path.resolve(): path for path in found}.values())
