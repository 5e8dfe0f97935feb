"""What can be wrong with a media file, as one small tree of exceptions.

```
MediaError
├── Unreadable          the file cannot be opened at all (not a regular file, no permission, empty)
│   └── NoSuchFile      it is not there: never lasting, for it may come back
├── NotMedia            its content is no video or audio container, or the container is broken
├── MissingStream       a container without the picture or the sound that was asked for
├── DecodeFailed        the stream is there, but too little of it can be decoded
├── TooLarge            pictures, length or memory beyond what is decoded
├── EncodeFailed        a file cannot be written from what was read
├── TimeLimitExceeded   decoding ran longer than it was allowed to
└── DecoderCrashed      the decoding process died (a signal, out of memory)
```

Every message is one line that says what was found, what was expected and what to do.
"""

from __future__ import annotations


class MediaError(Exception):
    """Something is wrong with a media file."""


class Unreadable(MediaError):  # noqa: N818 - reads as a finding in a table of quarantined rows
    """The file cannot be opened at all."""


class NoSuchFile(Unreadable):
    """The file is not there."""


class NotMedia(MediaError):  # noqa: N818
    """The content is no video or audio container, or the container is broken."""


class MissingStream(MediaError):  # noqa: N818
    """The container has no stream of the kind that was asked for."""


class DecodeFailed(MediaError):  # noqa: N818
    """The stream is there, but too little of it can be decoded."""


class TooLarge(MediaError):  # noqa: N818
    """Its pictures, its length or the memory that it needs are beyond what is decoded."""


class EncodeFailed(MediaError):  # noqa: N818
    """A file cannot be written from what was read."""


class TimeLimitExceeded(MediaError):  # noqa: N818
    """Decoding took longer than its limit and was stopped."""


class DecoderCrashed(MediaError):  # noqa: N818
    """The process that decodes died before it answered."""
