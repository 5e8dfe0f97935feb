"""Web addresses that may be written down: without passwords and tokens, and nothing that a browser would run.

Whatever writes an address, such as a record, a metadata file, a catalog, a dataset or an error's line,
writes what `public_address` or `without_secrets` returns.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus, urlsplit

# What leads to a page or names a work; `javascript:`, `data:`, `file:` and whatever else comes do neither.
SCHEMES = frozenset({"http", "https", "ftp", "doi", "urn"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
# Browsers pass over these within an address: `java\nscript:` runs.
_PASSED_OVER = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")
_LETTERS = 64
# Names of parameters, in lower case and with "_", that let in whoever shows them: those of OAuth and of
# common services, and of signed addresses of Amazon, Google, Azure and Akamai.
_SECRET = frozenset(
    (
        *("token", "access_token", "auth_token", "id_token", "refresh_token", "session_token", "api_token"),
        *("auth", "authorization", "jwt", "api_key", "apikey", "secret", "client_secret"),
        *("password", "passwd", "pwd", "signature", "sig", "awsaccesskeyid", "googleaccessid"),
        *("key_pair_id", "hdnts", "hdnea", "x_amz_signature", "x_amz_credential", "x_amz_security_token"),
        *("security_token", "x_goog_signature", "x_goog_credential"),
    )
)
# (A password with blanks in it is one, too; in a sentence a blank follows the colon of "http://host: ".)
_USER = re.compile(
    r"(?<=//)(?:[^/?#\\\s@:]{0,200}:[^/?#\\\s@]{1,200}(?:[ ][^/?#\\\s@]{1,200}){1,4}@)?"
    r"(?:[^/?#\\\s@]*(?:@[^/?#\\\s@]*)*@)?"
)
_PARAMETER = re.compile(r"(?<=[?&#;])([^=&#;?\s]{1,64})=[^&#;\s]*[&;]?")
# Where one was left out, and what stands before it if nothing follows.
_GAP = "\0"
_END = re.compile(f"[?&#;]{_GAP}+(?![^\\s#])")


def public_address(text: str) -> str | None:
    """Return an address as it may be written; None where it is none, or one of a kind that is not.

    Args:
        text: An address with or without its scheme.
    """
    plain = _PASSED_OVER.sub("", text[:_LETTERS])
    scheme = _SCHEME.match(plain)
    if not plain or (scheme and scheme[1].lower() not in SCHEMES):
        return None
    address = without_secrets(text)
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return None if parts.username is not None or (scheme and "//" in text and not parts.netloc) else address


def without_secrets(text: str) -> str:
    """Return a text whose addresses have no user, password and known token any more."""

    def kept(found: re.Match[str]) -> str:
        return _GAP if is_secret(found[1]) else found[0]

    cut = _PARAMETER.sub(kept, text)
    return without_user(text if cut == text else _END.sub("", cut).replace(_GAP, ""))


def is_secret(name: str) -> bool:
    """Tell whether a parameter of an address is a password, a token or a signature."""
    return unquote_plus(name).lower().replace("-", "_") in _SECRET


def without_user(address: str) -> str:
    """Return an address without a user and password."""
    return _USER.sub("", address)
