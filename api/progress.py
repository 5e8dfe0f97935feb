"""How far a run is: a table that grows in a notebook, bars on a terminal."""

from __future__ import annotations

import html
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from leitmotif.storage.progress import OnProgress, show_nothing

# Seconds between two pictures of one stage in a notebook: each is a message to the browser.
DRAW_EVERY_S = 0.2


@contextmanager
def progress(shown: bool = True) -> Iterator[OnProgress]:
    """Give what a run tells how far it is.

    Args:
        shown: Draw it; otherwise nothing is shown.
    """
    if not shown:
        yield show_nothing
    elif _in_notebook():
        _silence_tqdm()
        yield _Table().tell
    else:
        with _bars() as tell:
            yield tell


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def _silence_tqdm() -> None:
    """Import what libraries draw their own bars with, which warns in a notebook without widgets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tqdm.auto  # noqa: F401


class _Table:
    """One row for each stage, redrawn in its place; needs no widgets, and stays in the saved notebook."""

    def __init__(self) -> None:
        self._stages: dict[str, tuple[int, int, str]] = {}
        self._drawn_at = 0.0
        self._handle: Any = None

    def tell(self, stage: str, done: int, total: int, note: str = "", /) -> None:
        self._stages[stage] = (done, total, note)
        if done < total and time.monotonic() - self._drawn_at < DRAW_EVERY_S:
            return
        self._drawn_at = time.monotonic()
        self._draw()

    def _draw(self) -> None:
        from IPython.display import HTML, display

        picture = HTML(self._html())
        if self._handle is None:
            self._handle = display(picture, display_id=True)
        else:
            self._handle.update(picture)

    def _html(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align:left">{html.escape(stage)}</td>'
            f'<td><progress value="{done}" max="{max(total, 1)}"></progress></td>'
            f'<td style="text-align:right">{done} of {total}</td>'
            f'<td style="text-align:left">{html.escape(note)}</td></tr>'
            for stage, (done, total, note) in self._stages.items()
        )
        return f"<table>{rows}</table>"


@contextmanager
def _bars() -> Iterator[OnProgress]:
    from tqdm import tqdm

    bars: dict[str, tqdm[Any]] = {}

    def tell(stage: str, done: int, total: int, note: str = "", /) -> None:
        if stage not in bars:
            bars[stage] = tqdm(desc=f"{stage:<11}", total=total, disable=None, leave=True)
        bars[stage].n = done
        bars[stage].set_postfix_str(note, refresh=False)
        bars[stage].refresh()

    try:
        yield tell
    finally:
        for bar in bars.values():
            bar.close()
