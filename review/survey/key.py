"""The key of a survey: what the researcher knows and no participant may see."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from leitmotif.review.survey.questions import QUESTIONS, Question
from leitmotif.storage.documents import read_object
from leitmotif.storage.errors import UserError

KEY_FILE = "key.json"
# What participants get, and where a server collects what they answer.
QUESTIONNAIRE, RESPONSES = "questionnaire", "responses"


@dataclass(frozen=True)
class Version:
    """One system's music for one clip."""

    system: str
    clip: str


@dataclass(frozen=True)
class Key:
    """What stands behind the random names of a questionnaire.

    Attributes:
        survey: Identity of the questionnaire, which every response repeats.
        title: What participants read at its head.
        questions: Ids of the questions.
        systems: Names of the systems.
        clips: Names of the clips.
        seed: What chance started from.
        versions: The version behind each media file's random name.
        orders: For each order, what its participant hears: per clip the random names of its versions.
    """

    survey: str
    title: str
    questions: list[str]
    systems: list[str]
    clips: list[str]
    seed: int
    versions: dict[str, Version]
    orders: list[list[list[str]]]

    def asked(self) -> list[Question]:
        """Return the questions in full."""
        return [QUESTIONS[name] for name in self.questions]

    def save(self) -> str:
        """Return the key as JSON text; `load_key` reads it."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def load_key(folder: Path) -> Key:
    """Read the key of a survey.

    Args:
        folder: The survey's folder.

    Raises:
        UserError: The folder is no survey, or its key is damaged.
    """
    path = folder / KEY_FILE
    try:
        facts = read_object(path)
        versions = {name: Version(**version) for name, version in facts.pop("versions").items()}
        return Key(**facts, versions=versions)
    except OSError as error:
        raise UserError(
            f"{str(folder)!r} is no survey (no readable {KEY_FILE}); make one with `leitmotif survey make`"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{str(path)!r} is damaged ({error}); take the key as `survey make` wrote it"
        ) from error
