"""What helps where clips were left out: lines with a command that can be run as it stands."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path, PurePath

from leitmotif.filters import rule as filters_rule
from leitmotif.filters.rule import EXACT_DUPLICATE, LICENSE
from leitmotif.phrases import command, count, some_of
from leitmotif.pipelines.catalog_row import CatalogRow
from leitmotif.pipelines.given import Given, read_given
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.plan import Plan
from leitmotif.shards.licenses import UNKNOWN_LICENSE, is_free, license_id
from leitmotif.weights.small_models import embedded_models

# Quarantined files that are named.
FILES_NAMED = 3
NO_PICTURE = "video-stream"
BY_KIND = "auto"
EMBEDDED = "embedded"


def describe_kinds(ledger: Ledger) -> str:
    """Return which recipe takes how many files, in one line; "" where one recipe takes all."""
    probed = [entry for entry in ledger.entries if entry.duration_s is not None]
    if len(ledger.kinds) < 2 or not probed:
        return ""
    parts = []
    for stores, picture in zip(ledger.kinds, ("with a", "without a"), strict=True):
        files = len({entry.media_id for entry in probed if entry.stores is stores})
        if files:
            parts.append(f"{count(files, 'file')} {picture} moving picture by {stores.plan.recipe}")
    return f"each file by what it is: {', '.join(parts)}"


def advise(ledger: Ledger, plan: Plan) -> list[str]:
    """Return the lines that help with a workspace whose ledger has decided.

    Args:
        ledger: One that has decided.
        plan: Plan of the workspace.
    """
    lines = [*other_recipe(ledger, plan), *copies_that_differ(ledger), *licenses_left_out(ledger)]
    counts = ledger.counts()
    if not counts["kept"] and not counts["pending"] and counts["rejected"]:
        name, rejected = next(iter(ledger.rejected_by().items()))
        known = filters_rule.discover()
        why = f" ({known[name].why})" if name in known else ""
        report = command("report", ledger.workspace.root)
        clips = count(counts["catalogued"], "clip")
        lines.append(f"nothing is kept: {name}{why} took {rejected} of {clips}; `{report}` shows more")
    return lines


def other_recipe(ledger: Ledger, plan: Plan) -> list[str]:
    """Return the line that says which recipe takes files without a moving picture, if there are any."""
    silent = {entry.media_id for entry in ledger.entries if entry.outcome.rule == NO_PICTURE}
    if not silent or plan.kinds:
        return []
    have = f"{count(len(silent), 'file')} {'has' if len(silent) == 1 else 'have'} no moving picture"
    curate = command("curate", "--out", ledger.workspace.root, "--recipe", BY_KIND)
    return [f"{have}; `{curate}` takes each file by what it is"]


def copies_that_differ(ledger: Ledger) -> list[str]:
    """Return the line that names files of the same bytes with other licences or artists, if there are any."""
    copies = [entry for entry in ledger.entries if entry.outcome.rule == EXACT_DUPLICATE]
    copied = {entry.media_id for entry in copies}
    kept = {
        entry.media_id: entry.source
        for entry in ledger.entries
        if entry.outcome.rule != EXACT_DUPLICATE and entry.media_id in copied
    }
    given = read_given(ledger.workspace.root)
    differ = [entry.source for entry in copies if _differs(entry.source, kept[entry.media_id], given)]
    if not differ:
        return []
    first = differ[0]
    have = f"{count(len(differ), 'copy', 'copies')} {'has' if len(differ) == 1 else 'have'}"
    return [
        f"{have} another licence or artist than the file with the same bytes that goes on "
        f"(first: {first.source_id} and {kept[str(first.media_id)].source_id}); state the right one with "
        "--metadata TABLE"
    ]


def _differs(copy: CatalogRow, kept: CatalogRow, given: Given) -> bool:
    """Return whether a copy says something else; what was given for the files of both says nothing."""
    of_copy, of_kept = (given.of("license", Path(each.path)) for each in (copy, kept))
    for_both = of_copy if of_copy == of_kept else None
    licences = copy.license not in (None, UNKNOWN_LICENSE, for_both, kept.license)
    return licences or copy.artist not in (None, kept.artist)


def licenses_left_out(ledger: Ledger) -> list[str]:
    """Return the line that names the licences of clips that were rejected for them, if there are any."""
    left_out = [entry for entry in ledger.entries if entry.outcome.rule == LICENSE]
    found = Counter(license_id(entry.source.license or "") for entry in left_out)
    if not found:
        return []
    names = some_of([f"{name} {number:,}" for name, number in found.most_common()])
    return [
        f"{count(len(left_out), 'clip')} left out for the licence: {names}; what is allowed is set by "
        "--set license.allow='[NAME, …]'"
    ]


def licenses_not_free(ledger: Ledger, plan: Plan) -> list[str]:
    """Return the line that names stated licences of kept clips that are not known to be free, if any are.

    Args:
        ledger: One that has decided.
        plan: What it decided by; where that says which licences are allowed, somebody chose them.
    """
    if plan.licenses.allow is not None:
        return []
    kept = Counter(license_id(entry.source.license or "") for entry in ledger.kept())
    known = {license_id(entry.source.license or "") for entry in ledger.entries}
    others = sorted(name for name in known if is_free(name) or name == UNKNOWN_LICENSE)
    found = Counter({name: number for name, number in kept.items() if name not in others})
    if not found:
        return []
    change = shlex.quote(f"license.allow=[{', '.join(others)}]")
    one, unknown = found.total() == 1, kept[UNKNOWN_LICENSE]
    them = "it" if one else "them"
    return [
        f"{count(found.total(), 'clip')} {'is' if one else 'are'} published under a licence that is not "
        f"known to be free: {some_of([f'{name} {number:,}' for name, number in found.most_common()])}"
        + (f", and {unknown:,} more with none that is stated" if unknown else "")
        + (f"; `--set {change}`, added to the command, leaves {them} out" if others else "")
    ]


def demonstration(ledger: Ledger, plan: Plan) -> list[str]:
    """Return the line that says what models that ship are for, where no published one listens beside them."""
    alone = embedded_models({}, {"models": ledger.models})
    if plan.profile != EMBEDDED or not alone:
        return []
    fetch = command("fetch-models", "--profile", EMBEDDED)
    curate = command("curate", "--out", ledger.workspace.root, "--profile", EMBEDDED)
    verb = "serves" if len(alone) == 1 else "serve"
    return [
        f"profile {EMBEDDED}: {', '.join(alone)} {verb} first runs, tests and teaching, not a corpus that "
        f"others rely on; `{fetch}`, and then `{curate}` measures with models that know real music"
    ]


def name_quarantined(ledger: Ledger) -> list[str]:
    """Return the lines that name the first quarantined files with their reasons, if there are any."""
    reasons: dict[str, str] = {}
    for entry in ledger.entries:
        if entry.outcome.error is not None:
            reasons.setdefault(entry.source_id, entry.outcome.message or entry.outcome.error)
    if not reasons:
        return []
    first = list(reasons.items())[:FILES_NAMED]
    # Most reasons begin with the file's name.
    named = "; ".join(why if PurePath(name).name in why else f"{name} ({why})" for name, why in first)
    more = f"; and {len(reasons) - FILES_NAMED} more" if len(reasons) > FILES_NAMED else ""
    status = command("status", ledger.workspace.root)
    return [f"quarantined: {' '.join(named.split())}{more}", f"`{status}` lists them by reason"]
