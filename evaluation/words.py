"""Words of texts in any script, for metrics that count them."""

from __future__ import annotations

import re
import unicodedata

from leitmotif.shards.texts import normalized

# Scripts written without spaces, of which each letter counts as a word: Thai and Lao, Tibetan, Burmese,
# Khmer, Chinese and Japanese.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)
# A key or chord root with its accidental: "F# minor", "B♭ major".
_SHARP = re.compile(r"(?<![^\W_])([a-g])[#♯](?![^\W_])")
_FLAT = re.compile(r"(?<![^\W_])([a-g])♭(?![^\W_])")


def spaced(text: str) -> str:
    """Return a text with spaces around each letter of a script that has none; any other as it is."""
    return _UNSPACED.sub(r" \1 ", text)


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case: runs of letters, their marks, and digits.

    Of a text in ASCII these are the words of Lin's ROUGE, but for keys: "F#" is one word, and is not "F".
    """
    plain = normalized("NFKC", text).lower()
    plain = _FLAT.sub(r"\1b", _SHARP.sub(r"\1sharp", plain))
    kept = (letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in spaced(plain))
    return "".join(kept).split()
