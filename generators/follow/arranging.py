"""The arranger on a grid: a piece whose bars begin where something is seen."""

from __future__ import annotations

from collections.abc import Sequence

from leitmotif.generators.arranger.arranger import Arrangement, Arranger, asked_of
from leitmotif.generators.arranger.attributes import FASTEST_BPM, SLOWEST_BPM, Attributes
from leitmotif.generators.arranger.plan import TEMPO_CLASSES
from leitmotif.generators.arranger.writing import write_score
from leitmotif.generators.follow.fit import Manner, fit_grid
from leitmotif.generators.follow.grid import BeatGrid
from leitmotif.generators.follow.rhythm import Event
from leitmotif.generators.generator import Request


def arrange_to(
    events: Sequence[Event],
    manner: Manner,
    arranger: Arranger,
    request: Request,
    beneath: Attributes | None = None,
) -> tuple[Arrangement, BeatGrid | None]:
    """Return the piece of a request on a grid that meets what is seen; without a grid where nothing is.

    A tempo that was asked for is kept, a class bounds the choice; otherwise the tempo is chosen, too.

    Args:
        events: What is seen, in order.
        manner: How it is followed.
        arranger: Makes the piece.
        request: See `leitmotif.generators.arranger.arranger.Arranger.outline`.
        beneath: Likewise.

    Raises:
        UserError: As of `Arranger.outline`.
    """
    plan, asked = arranger.outline(request, beneath), asked_of(request)
    any_bpm = TEMPO_CLASSES.get(asked.tempo or "", (SLOWEST_BPM, FASTEST_BPM))
    grid = fit_grid(
        events,
        request.seconds,
        tempo_bpm=asked.tempo_bpm or plan.tempo_bpm,
        beats=plan.beats,
        span_bpm=any_bpm if asked.tempo_bpm is None else None,
        manner=manner,
    )
    if grid is None:
        return Arrangement(plan, write_score(plan)), None
    plan = plan.in_bars(grid.bars, grid.tempo_bpm)
    return Arrangement(plan, write_score(plan).retimed(grid.starts_s, grid.beats)), grid
