"""What can become of something wanted other than a file, and what of it is worth another try.

CollectError
├── Refused        against a rule: address, size, length, kind of content, match; not tried again
│   └── TakenDown  its address was taken down; only the takedown record may name it
├── Gone           the source says that it is not to be had: removed, private, forbidden; not tried again
├── Unavailable    network or server failed; tried again, now and in the next run
├── HostStopped    the host asks to be left alone; everything else of it is left for a later run
└── RunStopped     the budget is spent or the user interrupted; left for a later run
"""

from __future__ import annotations

from leitmotif.shards.addresses import without_secrets

# Waits longer than this are for a later run.
MAX_WAIT_S = 60.0


class CollectError(Exception):
    """Something wanted was not fetched; the text is one line for a person, without secrets of addresses."""

    def __init__(self, message: str = "") -> None:
        super().__init__(without_secrets(message))


class Refused(CollectError):  # noqa: N818 - what became of an item, as are the others
    """A rule forbids it."""


class TakenDown(Refused):
    """Its address or key stands in the takedown record."""


class Gone(CollectError):  # noqa: N818
    """The source does not give it, and will not tomorrow."""


class Unavailable(CollectError):  # noqa: N818
    """It may be there later.

    Attributes:
        wait_s: Seconds to wait, from a server that is asked too often; 0 where it does not say how long,
            None from any other.
    """

    def __init__(self, message: str, *, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class HostStopped(CollectError):  # noqa: N818
    """The host limits us or asks who we are; going on would make it worse."""


class RunStopped(CollectError):  # noqa: N818
    """The run ends; nothing is wrong with the item."""


def limited(url: str, status: int, wait_s: float | None) -> CollectError:
    """Return what a server means that asks for less: a wait, or an end where the wait is too long."""
    if wait_s is not None and wait_s > MAX_WAIT_S:
        return HostStopped(f"{url[:200]} answers {status} and asks to wait {wait_s:.0f} s")
    return Unavailable(f"{url[:200]} answers {status}: too many requests", wait_s=wait_s or 0.0)
