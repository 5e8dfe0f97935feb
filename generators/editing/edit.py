"""What is to be changed in a recording: a checked list, whoever read it out of words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from leitmotif.generators.editing.section import Section
from leitmotif.storage.errors import UserError

Action = Literal["add", "remove", "replace", "louder", "softer", "restyle"]
ACTIONS: tuple[str, ...] = get_args(Action)
# What is no instrument of the label set.
VOCALS, ACCOMPANIMENT, EVERYTHING = "vocals", "accompaniment", "everything"
# What words such as "louder" mean where nobody says by how much, and with "a bit" and "much".
USUAL_DB, LITTLE_DB, MUCH_DB = 6.0, 3.0, 9.0
# Less is not heard; more is another recording, or none.
LEAST_DB, MOST_DB = 0.1, 40.0


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One change.

    Attributes:
        action: What is done.
        target: What it is done to: `VOCALS`, `ACCOMPANIMENT`, `EVERYTHING`, a label of an instrument, or of
            what is added the name of a sound effect.
        but: Whether all but the target is meant.
        by: What comes in its place, of `replace` like a target; or the style, of `restyle`.
        words: In what words the target was named, which say more of what is to be added.
        section: Where.
        amount_db: By how much something is to be louder or softer; None of other actions.
    """

    action: Action
    target: str
    but: bool = False
    by: str | None = None
    words: str = ""
    section: Section = field(default_factory=Section)
    amount_db: float | None = None

    def __post_init__(self) -> None:
        """Check that it says what its action needs.

        Raises:
            UserError: It does not.
        """
        if self.action not in ACTIONS:
            raise UserError(f"got action {self.action!r}; expected one of {', '.join(ACTIONS)}")
        if (self.by is not None) != (self.action in ("replace", "restyle")):
            raise UserError(f"got by={self.by!r} of {self.action}; expected it of replace and restyle alone")
        levelled = self.action in ("louder", "softer")
        if (self.amount_db is not None) != levelled:
            raise UserError(
                f"got {self.amount_db} dB of {self.action}; expected decibels of louder and softer alone"
            )
        if self.amount_db is not None and not (
            math.isfinite(self.amount_db) and LEAST_DB <= self.amount_db <= MOST_DB
        ):
            raise UserError(
                f"got {self.amount_db:g} dB to make {self.target} {self.action}; expected {LEAST_DB:g} to "
                f"{MOST_DB:g}"
            )

    @property
    def gain_db(self) -> float | None:
        """What it does to the level of its target: decibels, minus infinity, or None where it adds alone."""
        if self.amount_db is not None:
            return self.amount_db if self.action == "louder" else -self.amount_db
        return -math.inf if self.action in ("remove", "replace") else None

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    def __str__(self) -> str:
        """Return it in words that the grammar reads."""
        target = f"everything but the {self.target}" if self.but else self.target
        named = target if self.but or self.target == EVERYTHING else f"the {target}"
        said = {
            "add": f"add {self.words or self.target}",
            "remove": f"remove {named}",
            "replace": f"replace {named} with {self.by}",
            "restyle": f"make {named} sound like {self.by}",
        }.get(self.action, f"make {named} {self.action} by {self.amount_db:.4g} dB" if self.amount_db else "")
        return f"{said} {self.section}"


def edit_of(facts: Mapping[str, Any]) -> Edit:
    """Return an edit of what `Edit.facts` gave.

    Raises:
        UserError: It is none.
    """
    try:
        return Edit(**{**facts, "section": Section(**facts.get("section", {}))})
    except TypeError as error:
        raise UserError(f"got {dict(facts)!r:.200}, which is no edit ({error})") from error
