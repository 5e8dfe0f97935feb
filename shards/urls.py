"""Web addresses, so that two spellings of one page agree."""

from __future__ import annotations

import posixpath
import re
import string
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from leitmotif.shards.addresses import is_secret
from leitmotif.shards.texts import encodable

# Where a player starts, which list it came from, who shared it: not which video it is.
_BESIDE_THE_POINT = frozenset(
    ("t", "start", "list", "index", "si", "pp", "feature", "ab_channel", "fbclid", "gclid", "app")
)
_SCHEMES = ("http", "https")
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")


def canonical_url(url: str) -> str:
    """Return a spelling that all addresses of one page share; text that is no web address as it is.

    Scheme, `www.`, `m.`, default ports, doubled slashes, `.` and `..` in the path, needless percent signs,
    fragments, the order of parameters and those that do not choose the page, or open it, do not count;
    YouTube's short, embedded and "shorts" addresses become its watch page.
    """
    try:
        parts = urlsplit(encodable(url.strip()))
        host, port = (parts.hostname or ""), parts.port
    except ValueError:
        return url
    if parts.scheme.lower() not in _SCHEMES or not host:
        return url
    host = host.rstrip(".").removeprefix("www.").removeprefix("m.")
    if host in ("music.youtube.com", "youtube-nocookie.com"):
        host = "youtube.com"
    path = _plain_path(parts.path)
    query = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name not in _BESIDE_THE_POINT and not name.startswith("utm_") and not is_secret(name)
    ]
    first, _, video = path.lstrip("/").partition("/")
    if host == "youtu.be" and first:
        host, path, query = "youtube.com", "/watch", [("v", first)]
    elif host == "youtube.com" and first in ("embed", "shorts", "live", "v") and video:
        path, query = "/watch", [("v", video.split("/")[0])]
    if port and port not in (80, 443):
        host = f"{host}:{port}"
    return f"//{host}{path}" + (f"?{urlencode(sorted(query))}" if query else "")


def _plain_path(path: str) -> str:
    """Return the one spelling of a path.

    Reference: RFC 3986, section 6.2.2; that doubled slashes name the same page is what servers do.
    """

    def decoded(code: re.Match[str]) -> str:
        sign = chr(int(code[1], 16))
        return sign if sign in _UNRESERVED else code[0].upper()

    path = re.sub("%([0-9A-Fa-f]{2})", decoded, quote(path, safe="/%:@!$&'()*+,;=~"))
    path = posixpath.normpath("/" + path.lstrip("/"))
    return "" if path == "/" else path
