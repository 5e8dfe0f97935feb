"""What can go wrong when a language model writes captions.

UserError                  the backend cannot be used as it is set: wrong model, key, package or weights
ServerDown (OutsideError)  the server has not answered for longer than the patience; no clip is to blame
BadCaption (ValueError)    nothing usable was written about this clip
└── Refused                the server does not take the request, which need not be the clip's fault
"""

from __future__ import annotations

from leitmotif.storage.errors import OutsideError


class ServerDown(OutsideError):  # noqa: N818
    """The server does not answer; what was captioned before is not touched.

    Attributes:
        busy: Whether the server says that it has too much to do.
    """

    def __init__(self, text: str, *, busy: bool = False) -> None:
        super().__init__(text)
        self.busy = busy


class BadCaption(ValueError):  # noqa: N818
    """Nothing usable was written about a clip; the text says why."""


class Refused(BadCaption):
    """A server or engine does not take a request, and says why.

    Attributes:
        words: All that it says.
    """

    def __init__(self, text: str, words: str = "") -> None:
        super().__init__(text)
        self.words = words or text
