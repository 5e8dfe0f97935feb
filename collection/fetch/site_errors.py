"""What yt-dlp's errors mean for an item: gone, limited, or worth another try."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from yt_dlp.networking.exceptions import HTTPError, RequestError
from yt_dlp.utils import ExtractorError, GeoRestrictedError, UnsupportedError

from leitmotif.collection.errors import CollectError, Gone, HostStopped, Unavailable, limited
from leitmotif.collection.header_numbers import retry_after_s
from leitmotif.storage.errors import one_line

# Sites say these things in words only.
_LIMITED = re.compile(r"not a bot|too many requests|rate.?limit|unusual traffic|captcha", re.I)
_GONE = re.compile(
    r"private video|video unavailable|removed|no longer available|terminated|deleted|copyright|not available"
    r"|members.only|join this channel|age.restricted|confirm your age|in your country|login required|log in"
    r"|sign in|drm|suspended|does not exist|premium",
    re.I,
)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn yt-dlp's errors into those of `leitmotif.collection.errors`.

    Args:
        what: The address or search at hand, for the message.
    """
    try:
        yield
    except CollectError:
        raise
    except Exception as error:
        causes = list(_chain(error))
        if ours := next((cause for cause in causes if isinstance(cause, CollectError)), None):
            raise ours from error
        if isinstance(error, OSError) and not isinstance(error, RequestError):
            raise  # the disk's
        raise _as_ours(error, causes, what[:200]) from error


def _as_ours(error: Exception, causes: list[BaseException], what: str) -> CollectError:
    words = re.sub(r"^ERROR: ", "", one_line(error))[:300]
    answer = next((cause for cause in causes if isinstance(cause, HTTPError)), None)
    if answer is not None:
        wait_s = retry_after_s(answer.response.headers.get("Retry-After"))
        if answer.status == 429 or (answer.status == 503 and wait_s is not None):
            return limited(what, answer.status, wait_s)
        if _LIMITED.search(words):
            return HostStopped(words)
        if answer.status < 500 and answer.status not in (408, 425):
            return Gone(f"{what} answers {answer.status}")
        return Unavailable(f"{what} answers {answer.status}")
    if _LIMITED.search(words):
        return HostStopped(words)
    if any(isinstance(cause, RequestError) for cause in causes):
        return Unavailable(words)
    said = any(isinstance(cause, ExtractorError) and cause.expected for cause in causes)
    if said or _GONE.search(words) or any(isinstance(cause, _FINAL) for cause in causes):
        return Gone(words)
    return Unavailable(words)


_FINAL = (UnsupportedError, GeoRestrictedError)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and everything that caused it, by Python's links and by yt-dlp's own."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        here = waiting.pop(0)
        if here is None or id(here) in seen:
            continue
        seen.add(id(here))
        yield here
        info = getattr(here, "exc_info", None) or (None, None)
        waiting += [here.__cause__, here.__context__, getattr(here, "cause", None), info[1]]
