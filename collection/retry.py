"""Tries of one item: waits double, and are at least as long as a server asks for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.nap import sleep as nap

from leitmotif.collection.errors import Unavailable
from leitmotif.collection.settings import Settings


def retrying(
    settings: Settings,
    *,
    longest_s: float = math.inf,
    sleep: Callable[[float], Any] = nap,
    told: Callable[[Unavailable, float | None], None] = lambda error, wait_s: None,
) -> Retrying:
    """Return a caller that tries a function until it raises no `Unavailable`; the last of these is raised.

    Args:
        settings: How often, and the first wait.
        longest_s: Longest wait that no server asked for.
        sleep: Waits for the given seconds.
        told: Called with each failure and the wait that follows it, None after the last.
    """

    def wait_s(state: RetryCallState) -> float:
        own_s = min(settings.backoff_s * math.pow(2, state.attempt_number - 1), longest_s)
        return max(_error(state).wait_s or 0.0, own_s)

    def after(state: RetryCallState) -> None:
        last = state.attempt_number == settings.attempts
        told(_error(state), None if last else wait_s(state))

    return Retrying(
        retry=retry_if_exception_type(Unavailable),
        stop=stop_after_attempt(settings.attempts),
        wait=wait_s,
        sleep=sleep,
        after=after,
        reraise=True,
    )


def _error(state: RetryCallState) -> Unavailable:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, Unavailable)
    return error
