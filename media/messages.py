"""What passes between a process and its decoding child: data only, so that no bytes of the child's run here.

A message is MessagePack. Beside its own types there are paths, arrays and errors; a dataclass travels as a
mapping and a tuple as a list, and become what they were by the annotation of the function that was called.
An error is its kind, one of a closed list, and a text.
"""

from __future__ import annotations

import os
import struct
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from leitmotif.media import errors
from leitmotif.media.errors import MediaError
from leitmotif.storage.errors import lacks_memory, one_line

HEADER = struct.Struct(">Q")  # of a message: its length in bytes
_PATH, _ARRAY, _ERROR = 1, 2, 3
_KINDS: dict[str, type[MediaError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, MediaError)
}
_OS_ERROR, _NO_MEMORY = "OSError", "MemoryError"
_TEXT = 4000  # letters of an error's text or note


def pack(value: object) -> bytes:
    """Return a value as bytes.

    Raises:
        TypeError, ValueError, OverflowError: It is, or holds, what is no data.
    """
    return bytes(msgpack.packb(value, default=_as_data, unicode_errors="surrogatepass"))


def unpack(data: bytes) -> Any:
    """Return the value of bytes that may come from anybody.

    Raises:
        ValueError: They are no message.
    """
    try:
        return _unpack(data, _from_data)
    except Exception as error:  # whatever bytes from outside bring about
        raise ValueError(f"no message: {one_line(error)}") from error


def conform(value: Any, function: Callable[..., Any]) -> Any:
    """Return what a function gave, as its annotation says that it is; as it is where there is none.

    Raises:
        ValueError: It is something else.
    """
    adapter = _adapter(function)
    return value if adapter is None else adapter.validate_python([value])[0]


def conform_error(value: object) -> Exception:
    """Return an error that was given.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(value, Exception):
        raise ValueError(f"a value of kind {type(value).__name__} in place of an error")
    return value


@lru_cache(maxsize=64)
def _adapter(function: Callable[..., Any]) -> Any:
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter

    try:
        kind = typing.get_type_hints(function).get("return", Any)
        return TypeAdapter(list[kind], config=ConfigDict(arbitrary_types_allowed=True))  # type: ignore[valid-type]
    except (NameError, TypeError, PydanticUserError):  # known to type checkers alone; in C; not to be checked
        return None


def _as_data(value: object) -> object:
    if isinstance(value, Path):
        return msgpack.ExtType(_PATH, os.fsencode(value))
    if isinstance(value, Exception):
        return msgpack.ExtType(_ERROR, pack(_facts(value)))
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return msgpack.ExtType(_ARRAY, pack([value.dtype.str, list(value.shape), value.tobytes()]))
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(
        f"{type(value).__name__} is no data; expected numbers, texts, bytes, paths, arrays, lists of them"
    )


def _from_data(code: int, data: bytes) -> object:
    if code == _PATH:
        return Path(os.fsdecode(data))
    if code == _ARRAY:
        name, shape, content = _unpack(data, _plain)
        dtype = np.dtype(str(name))
        if dtype.kind not in "biuf":
            raise ValueError(f"an array of {dtype}")
        return np.frombuffer(content, dtype).reshape([int(side) for side in shape]).copy()
    if code == _ERROR:
        return _error(*_unpack(data, _plain))
    raise ValueError(f"a value of kind {code}")


def _unpack(data: bytes, ext_hook: Callable[[int, bytes], object]) -> Any:
    return msgpack.unpackb(data, ext_hook=ext_hook, strict_map_key=True, unicode_errors="surrogatepass")


def _plain(code: int, _data: bytes) -> object:
    """Refuse a kind within a kind: each takes some of the stack, whose end is the end of the process."""
    raise ValueError(f"a value of kind {code} within another")


def _facts(error: Exception) -> list[object]:
    """Return kind, text, number, file and notes of an error; of a library's, words of ours for the clip."""
    notes = [note[:_TEXT] for note in getattr(error, "__notes__", ())]
    said = one_line(error, _TEXT)
    if lacks_memory(error):
        return [_NO_MEMORY, said, None, None, notes]
    if isinstance(error, OSError) and error.errno:
        name = error.filename
        file = os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else None
        return [_OS_ERROR, os.strerror(error.errno), error.errno, file, notes]
    if isinstance(error, MediaError):
        kind = next(base.__name__ for base in type(error).__mro__ if base in _KINDS.values())
        return [kind, str(error)[:_TEXT], None, None, notes]
    words = (
        f"the decoder failed over it in an unforeseen way ({type(error).__name__}: {said[:300]}), as over "
        "damaged files; fetch or export it again"
    )
    return [errors.DecodeFailed.__name__, words, None, None, notes]


def _error(kind: str, text: str, number: int | None, file: str | None, notes: list[str]) -> Exception:
    error: Exception
    if kind == _NO_MEMORY:
        error = MemoryError(str(text))
    elif kind == _OS_ERROR:
        error = OSError(int(number or 0), str(text), file)
    else:
        error = _KINDS[kind](str(text))
    for note in notes:
        error.add_note(str(note))
    return error


def write_message(pipe: Any, message: bytes) -> None:
    """Write one message to a pipe."""
    pipe.write(HEADER.pack(len(message)))
    pipe.write(message)
    pipe.flush()
