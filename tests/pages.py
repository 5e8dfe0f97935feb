"""What the pages for users print between fences, and why it is not run, if it is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = (
    "README.md",
    *sorted(f"docs/{path.name}" for path in REPOSITORY.glob("docs/*.md")),
    "CONTRIBUTING.md",
)

PROGRAMS = ("leitmotif", "mkdir", "git", "make", "pip", "python", "python3.11", "vllm", "accelerate")

_FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n\n?)?^```(?P<language>[^\n`]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Fence:
    """One block of a page.

    Attributes:
        language: What stands behind the opening fence.
        text: The lines between the fences.
        reason: Why the tests do not run it, from a comment `<!-- not run: REASON -->` above it.
    """

    language: str
    text: str
    reason: str | None

    @property
    def is_python(self) -> bool:
        """Whether it is Python, said or not."""
        return self.language == "python" or (
            not self.language and re.search(r"^(from \S+ )?import \S", self.text, re.MULTILINE) is not None
        )


def fences(page: Path) -> list[Fence]:
    """All blocks of a page, from the top."""
    found = _FENCE.finditer(page.read_text(encoding="utf-8"))
    return [Fence(block["language"].strip(), block["text"], block["reason"]) for block in found]


def commands(page: Path) -> Iterator[str]:
    """Each command of a page, in the order of the text; in README those within sentences, too."""
    text = page.read_text(encoding="utf-8")
    sentences = r"`(leitmotif [^\s`]+ [^`…]+)`" if page.name == "README.md" else r"(?!)(.)"
    for match in re.finditer(rf"^```(.*?)\n(.*?)^```$|{sentences}", text, re.MULTILINE | re.DOTALL):
        if match[3]:
            yield " ".join(match[3].split())
        elif match[1] in ("", "sh"):
            lines = (line.partition("  #")[0].strip() for line in match[2].splitlines())
            yield from (line for line in lines if line.split(" ")[0] in PROGRAMS)
