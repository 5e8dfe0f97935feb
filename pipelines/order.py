"""Whether the stages of a plan find what they read, and its rules the numbers that they judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leitmotif.filters.rule import Rule
from leitmotif.pipelines.stages import STAGES
from leitmotif.storage.errors import UserError

# Without these there is nothing to publish: headers, decoded sound, and its tags.
NEEDED = ("probe", "audio", "tagging")


def check_order(track: str, stages: Sequence[str], rules: Sequence[str], known: Mapping[str, Rule]) -> None:
    """Refuse a plan in which something would be missing in the middle of a run.

    Args:
        track: The stage whose audio is described.
        stages: Names, in order.
        rules: Names.
        known: Every rule.

    Raises:
        UserError: A stage is missing or comes too late for another one or for a rule.
    """
    for stage in [*NEEDED, track]:
        if stage not in stages:
            raise UserError(
                f"the recipe has no stage {stage!r}{' (its track)' if stage == track else ''}; name it under "
                "'stages'"
            )
    for number, stage in enumerate(stages):
        for read in STAGES[stage].READS:
            source = track if read == "track" else read
            if source not in stages[:number]:
                raise UserError(f"stage {stage!r} reads {source!r}; name that before it under 'stages'")
    for rule in rules:
        if known[rule].stage not in stages:
            raise UserError(
                f"rule {rule!r} judges a number of stage {known[rule].stage!r}, which the recipe lacks; name "
                "the stage, or leave out the rule"
            )
