"""Licences by one name each, however a source words them, and which of them a list allows."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from leitmotif.phrases import did_you_mean
from leitmotif.shards.texts import normalized

UNKNOWN_LICENSE = "unknown"
# How SPDX calls a licence that is not on its list: https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/
IN_OWN_WORDS = "LicenseRef-"

# The parts of Creative Commons' licences in the order in which SPDX names them, and how they are worded.
_ELEMENTS = ("by", "nc", "nd", "sa")
_COMBINATIONS = ("by", "by-nc", "by-nc-nd", "by-nc-sa", "by-nd", "by-sa")
_VERSIONS = ("1.0", "2.0", "2.1", "2.5", "3.0", "4.0")
_PHRASES = {
    "attribution": "by",
    "non commercial": "nc",
    "noncommercial": "nc",
    "share alike": "sa",
    "sharealike": "sa",
    "no derivative works": "nd",
    "no derivatives": "nd",
    "no derivs": "nd",
    "noderivatives": "nd",
    "noderivs": "nd",
    "creative commons": "cc",
    "public domain dedication": "zero",
    "public domain mark": "pdm",
    "cc 0": "zero",
    "cc zero": "zero",
    "cc0": "zero",
    "united states": "us",
    "united kingdom": "uk",
    "germany": "de",
    "france": "fr",
    "japan": "jp",
}
# Jurisdictions that Creative Commons has written versions for: https://creativecommons.org/choose/
_PLACES = (
    " am ar at au az be bg br ca ch cl cn co cr cz de dk ec ee eg es fi fr ge gr gt hk hr hu ie igo il in it "
    "jp kr lu mk mt mx my ng nl no nz pe ph pl pr pt ro rs se sg si th tw ug uk us ve vn za "
)
# Words of the licences' titles and of sites that choose nothing.
_NO_CHOICE = (
    " cc the a under license licence licensed version v international intl unported generic universal reuse "
    "allowed "
)
# As in https://creativecommons.org/licenses/by-sa/3.0/de/
_CC_ADDRESS = re.compile(
    r"creativecommons\.org/(?:licen[sc]es|publicdomain)/([a-z+-]{1,20})(?:/(\d\.\d)(?:/([a-z]{2,3})(?![\w.-]))?)?"
)
_LIST_ADDRESS = re.compile(r"(?:spdx\.org/licenses|opensource\.org/licenses?)/([\w.+-]+)")
_MOST_SHOWN = 200  # letters
_WORD = re.compile(r"v?\d+\.\d+|\w+")
_ID = re.compile(r"[a-z0-9][a-z0-9.+-]*")


@lru_cache(maxsize=4096)
def license_id(text: str) -> str:
    """Return the name of a licence: two wordings of one licence have the same.

    Args:
        text: Licence as a source, a tag or a person words it.

    Returns:
        Identifier of the SPDX list where the text is one, or words or the address of one; "CC-BY" and the
        like of a Creative Commons licence without its version; "unknown" where nothing is said;
        "LicenseRef-…" of any other text.
    """
    plain = " ".join(normalized("NFKC", text).casefold().split())
    if plain.startswith(IN_OWN_WORDS.casefold()):
        return _own_words(plain.removeprefix(IN_OWN_WORDS.casefold()))
    found = _from_address(plain) or _from_list(plain) or _creative_commons(plain)
    # Sites explain a title in brackets: "Attribution-NoDerivatives (aka Music Sharing) 3.0 International".
    return found or _creative_commons(re.sub(r"\([^()]*\)", " ", plain)) or _own_words(plain)


def describe_license(text: str) -> str:
    """Return the name of a licence with the words in which it was stated, where those are others."""
    found, words = license_id(text), " ".join(text.split())
    shown = words if len(words) <= _MOST_SHOWN else f"{words[:_MOST_SHOWN]}…"
    return found if found.casefold() == (words.casefold() or UNKNOWN_LICENSE) else f"{found} ({shown})"


def known_license(name: str) -> str:
    """Return the name of a licence that somebody chose from those that there are.

    Raises:
        ValueError: None is called so; the text has the near ones.
    """
    if not name.strip():
        raise ValueError("expected the name of a licence, such as cc-by-4.0 or unknown")
    found = license_id(name)
    if not found.startswith(IN_OWN_WORDS) or name.strip().casefold().startswith(IN_OWN_WORDS.casefold()):
        return found
    families = [f"CC-{parts}".upper() for parts in _COMBINATIONS]
    versions = [f"{family}-{version}" for family in families for version in ("3.0", "4.0")]
    near = did_you_mean(name.strip().upper(), ["CC0-1.0", "CC-PDM-1.0", *families, *versions])
    raise ValueError(
        f"{name!r} is no licence of the SPDX list; {near}of one in its owner's own words write {found}"
    )


def allows(allowed: Collection[str], license: str) -> bool:
    """Return whether a licence is among those of a list.

    Args:
        allowed: Names as `known_license` gives them. One of Creative Commons without a version allows all of
            its versions, and one with a version those that were written for single countries.
        license: Name as `license_id` gives it.
    """
    return license in allowed or any(_is_kind_of(license, name) for name in allowed if name.startswith("CC"))


def is_free(license: str) -> bool:
    """Return whether a licence is known to let anyone use, change and pass on a work, for money, too.

    Those of the SPDX list are, but for Creative Commons' with NC or ND; of one in its owner's own words
    nobody knows.

    Args:
        license: Name as `license_id` gives it.
    """
    if license == UNKNOWN_LICENSE or license.startswith(IN_OWN_WORDS):
        return False
    return not (license.startswith("CC-") and {"NC", "ND"} & set(license.split("-")))


def _is_kind_of(license: str, name: str) -> bool:
    rest = license.removeprefix(f"{name}-")
    # What follows a family must be its version: CC-BY-NC is no kind of CC-BY.
    return rest != license and (name.endswith(_VERSIONS) or rest[0].isdigit())


def _from_address(text: str) -> str | None:
    found = {
        _name({"zero": {"zero"}, "mark": {"pdm"}}.get(parts, set(parts.split("-"))), version, place)
        for parts, version, place in _CC_ADDRESS.findall(text)
    }
    found |= {_from_list(name.removesuffix(".html")) for name in _LIST_ADDRESS.findall(text)}
    return found.pop() if len(found) == 1 else None


def _from_list(text: str) -> str | None:
    """Return the identifier of the SPDX list that a text is: "mit", "Apache License 2.0"."""
    words = [word for word in text.split() if word not in ("the", "license", "licence")]
    name = "-".join(words)
    if not _ID.fullmatch(name) or name in ("by", "cc"):
        return None
    try:
        return canonicalize_license_expression(name)
    except InvalidLicenseExpression:
        return None


def _creative_commons(text: str) -> str | None:
    """Return the licence of Creative Commons that a text is, if all of its words are about one."""
    words = " ".join(_WORD.findall(text.replace("_", " ")))
    padded = f" {words} "
    for phrase, part in _PHRASES.items():
        padded = padded.replace(f" {phrase} ", f" {part} ")
    parts: set[str] = set()
    versions: set[str] = set()
    places: set[str] = set()
    for word in padded.split():
        version = word.removeprefix("v")
        if word in _ELEMENTS or word in ("zero", "pdm"):
            parts.add(word)
        elif {version, f"{version}.0"} & set(_VERSIONS):
            versions.add(version if "." in version else f"{version}.0")
        elif versions and f" {word} " in _PLACES:
            places.add(word)
        elif f" {word} " not in _NO_CHOICE:
            return None
    if len(versions) > 1 or len(places) > 1:
        return None
    return _name(parts, "".join(versions), "".join(places))


def _name(parts: set[str], version: str, place: str) -> str | None:
    if parts in ({"zero"}, {"pdm"}):
        name = "CC0" if parts == {"zero"} else "CC-PDM"
        # There is one version of each.
        return f"{name}-1.0" if version in ("", "1.0") else None
    together = "-".join(part for part in _ELEMENTS if part in parts)
    if together not in _COMBINATIONS or len(parts) != len(together.split("-")) or (place and not version):
        return None
    if (version and version not in _VERSIONS) or (place and f" {place} " not in _PLACES):
        return None
    return "-".join(filter(None, ("CC", together.upper(), version, place.upper())))


def _own_words(text: str) -> str:
    """Return the name of a licence that is on no list; of a text without a letter or digit there is none."""
    words = "-".join(_WORD.findall(text.replace("_", " ")))
    return UNKNOWN_LICENSE if words in ("", UNKNOWN_LICENSE) else f"{IN_OWN_WORDS}{words}"
