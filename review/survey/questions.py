"""What listeners are asked of a piece of music, each on a Likert scale from 1 to 5.

Reference:
    Visuals Music Bridge, B.4: four questions where music was made for a video, two where for a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leitmotif.storage.errors import UserError

LOWEST, HIGHEST = 1, 5


@dataclass(frozen=True)
class Question:
    """One thing to rate.

    Attributes:
        id: Short name in papers and results.
        name: Name in words.
        text: What listeners read.
        needs: What they must see to answer: "video", "text", or nothing but the music.
    """

    id: str
    name: str
    text: str
    needs: str | None = None


QUESTIONS = {
    question.id: question
    for question in (
        Question("MP", "Musical pleasantness", "How pleasant is the music in itself, whatever goes with it?"),
        Question(
            "EC",
            "Emotional correspondence",
            "How well does the music convey the emotions of the video?",
            needs="video",
        ),
        Question(
            "TC",
            "Thematic correspondence",
            "How well does the music suit the theme of the video?",
            needs="video",
        ),
        Question(
            "RC",
            "Rhythmic correspondence",
            "How well does the rhythm of the music go with the motion of the video?",
            needs="video",
        ),
        Question(
            "TMA",
            "Text-music alignment",
            "How well does the music capture the mood, style and themes that the text describes?",
            needs="text",
        ),
    )
}
# Asked where nothing else is said, by what is shown.
OF_VIDEO, OF_TEXT = ("MP", "EC", "TC", "RC"), ("MP", "TMA")


def choose_questions(names: Sequence[str], shown: set[str]) -> list[Question]:
    """Return the questions of the given names.

    Args:
        names: Their ids; none for those of the paper.
        shown: What listeners see beside the music: "video", "text".

    Raises:
        UserError: A name is not known, comes twice, or asks about something that is not shown.
    """
    if not names:
        names = OF_TEXT if shown == {"text"} else OF_VIDEO
    chosen = []
    for name in names:
        if name not in QUESTIONS:
            raise UserError(f"question {name!r} is not known; expected some of {', '.join(QUESTIONS)}")
        question = QUESTIONS[name]
        if question in chosen:
            raise UserError(f"question {name!r} is given twice; name each once")
        if question.needs and question.needs not in shown:
            remedy = {
                "video": "give videos, or --videos with those that the music was made for",
                "text": "give --prompts with the texts that the music was made for",
            }[question.needs]
            raise UserError(f"question {name} is about the {question.needs}, and none is shown; {remedy}")
        chosen.append(question)
    return chosen
