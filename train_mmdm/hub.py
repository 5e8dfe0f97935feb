"""What goes wrong when weights are fetched or opened, in one line."""

from __future__ import annotations

from leitmotif.storage.errors import OutsideError, RunError, UserError, first_line

_NO_NETWORK = ("couldn't connect", "offline", "Connection", "timed out", "Name or service")


def cannot_load(what: str, source: object, error: Exception) -> RunError:
    """Return the error to raise: the network's, or the user's who named something that is no InternVL.

    Args:
        what: Such as "the tokenizer".
        source: Hub id or folder.
        error: What the library that tried raised.
    """
    said = first_line(error)
    if any(sign in str(error) for sign in _NO_NETWORK):
        return OutsideError(
            f"cannot fetch {what} of {str(source)!r} ({said}); try again with a network, or give a folder "
            "that holds it: --set model_id=FOLDER"
        )
    return UserError(
        f"cannot load {what} of {str(source)!r} ({said}); give a hub id or a folder of an InternVL in the "
        "format of transformers, whose id ends in -hf: --set model_id=…"
    )
