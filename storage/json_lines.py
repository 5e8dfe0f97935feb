"""Records of a JSON object a line: no text breaks a line, and a broken line costs that line alone.

A line ends at a line feed and nowhere else. What `str.splitlines`, editors and other tools take for an end as
well (U+0085, U+2028, U+2029), and half letters, for which UTF-8 has no bytes, are written as escapes.

Reference: https://jsonlines.org, https://www.rfc-editor.org/rfc/rfc8259#section-7
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# JSON escapes the controls below a blank by itself.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass
class Lines:
    """The lines of a record that are not empty, by their numbers from 1.

    Attributes:
        records: The JSON objects, also those of lines with bytes that are no text: U+FFFD stands for these.
        broken: The bytes of each line that is not as it was written: no object, or no text.
    """

    records: dict[int, dict[str, Any]] = field(default_factory=dict)
    broken: dict[int, bytes] = field(default_factory=dict)


def json_text(record: object) -> str:
    """Return a value as JSON in one line, by whatever it is that counts as the end of one."""
    text = json.dumps(record, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def line_of(record: Mapping[str, Any]) -> bytes:
    """Return the line of a record, with its end."""
    return json_text(record).encode() + b"\n"


def parse_lines(content: bytes) -> Lines:
    """Return what stands in the lines of a record; nothing that may stand there is an error."""
    lines = Lines()
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        if not line.strip():
            continue
        text = line.decode(errors="replace")
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            lines.records[number] = record
        if not isinstance(record, dict) or text.encode() != line:
            lines.broken[number] = line
    return lines


def read_lines(path: Path) -> Lines:
    """Return what stands in the lines of a file.

    Raises:
        OSError: The file cannot be read.
    """
    return parse_lines(path.read_bytes())
