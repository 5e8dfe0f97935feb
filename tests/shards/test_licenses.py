import pytest

from leitmotif.shards.licenses import allows, known_license, license_id

# As sites, tags and people word them.
WORDINGS = {
    "CC-BY-4.0": (
        "cc-by-4.0",
        "CC BY 4.0",
        "cc_by_4.0",
        "https://creativecommons.org/licenses/by/4.0/",
        "http://creativecommons.org/licenses/by/4.0/deed.en",
        "Creative Commons Attribution 4.0 International",
        "Creative Commons Attribution 4.0 International (CC BY 4.0)",
        "Attribution 4.0 International",
        "Licensed under CC-BY 4.0",
        "CC BY 4",
        "CC BY v4.0",
        "https://spdx.org/licenses/CC-BY-4.0.html",
    ),
    "CC-BY": ("CC BY", "by", "Attribution", "Creative Commons Attribution license (reuse allowed)"),
    "CC-BY-NC-SA-3.0": (
        "Attribution-NonCommercial-ShareAlike 3.0 International",
        "Attribution-Noncommercial-Share Alike 3.0 Unported",
        "cc-by-nc-sa 3.0",
        "2008 Ann Licensed to the public under http://creativecommons.org/licenses/by-nc-sa/3.0/ "
        "verify at http://ann.example/",
    ),
    "CC-BY-NC-SA": ("by-nc-sa", "CC-BY-SA-NC"),
    "CC-BY-ND-3.0": ("Attribution-NoDerivatives (aka Music Sharing) 3.0 International",),
    "CC-BY-NC-ND-4.0": ("Creative Commons Attribution-NonCommercial-NoDerivs 4.0",),
    "CC-BY-SA-3.0-DE": ("CC BY-SA 3.0 de", "http://creativecommons.org/licenses/by-sa/3.0/de/"),
    "CC-BY-NC-3.0-US": ("Creative Commons Attribution-NonCommercial 3.0 United States",),
    "CC0-1.0": (
        *("cc0-1.0", "CC0", "CC0 1.0 Universal", "Creative Commons 0", "Creative Commons Zero", "cc-zero"),
        "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication",
        "http://creativecommons.org/publicdomain/zero/1.0/",
    ),
    "CC-PDM-1.0": ("Public Domain Mark 1.0", "https://creativecommons.org/publicdomain/mark/1.0/"),
    "MIT": ("mit", "MIT License", "https://opensource.org/licenses/MIT"),
    "Apache-2.0": ("Apache License 2.0",),
    "GPL-2.0-or-later": ("gpl-2.0-or-later",),
    "unknown": ("unknown", "Unknown", "", "  ", "©", "LicenseRef-unknown"),
    "LicenseRef-pixabay-license": ("Pixabay License", "licenseref-Pixabay-License"),
    "LicenseRef-standard-youtube-license": ("Standard YouTube License",),
    "LicenseRef-public-domain": ("Public Domain",),
    "LicenseRef-版权所有": ("版权所有",),
}
OF_NO_LIST = (
    "Creative Commons",
    "all rights reserved",
    "CC BY 4.0 except for the cover",
    "CC BY 3.0 or CC BY 4.0",
    "https://creativecommons.org/licenses/by/4.0/ or https://creativecommons.org/licenses/by-nc/4.0/",
    "CC BY-ND-SA 4.0",
    "CC BY 5.0",
    "sampling+",
    "https://creativecommons.org/licenses/sampling+/1.0/",
    "not CC BY",
    "by nobody",
)


@pytest.mark.parametrize(
    ("wording", "name"), [(wording, name) for name, wordings in WORDINGS.items() for wording in wordings]
)
def test_a_licence_has_one_name_however_it_is_worded(wording: str, name: str) -> None:
    assert license_id(wording) == name
    assert license_id(name) == name
    assert license_id(f"  {wording.upper()} ") == name


@pytest.mark.parametrize("wording", OF_NO_LIST)
def test_words_that_are_not_surely_a_licence_are_a_licence_of_their_own(wording: str) -> None:
    name = license_id(wording)
    assert name.startswith("LicenseRef-") and license_id(name) == name
    with pytest.raises(ValueError, match="is no licence of the SPDX list"):
        known_license(wording)
    assert known_license(name) == name


def test_a_licence_that_is_not_known_is_told_with_the_near_ones() -> None:
    with pytest.raises(ValueError, match=r"'cc-bye-4.0' is no .*; did you mean CC-BY-4.0.*LicenseRef-cc-bye"):
        known_license("cc-bye-4.0")


@pytest.mark.parametrize(
    ("license", "name", "allowed"),
    [
        ("CC-BY-4.0", "CC-BY-4.0", True),
        ("CC-BY-3.0", "CC-BY", True),
        ("CC-BY-3.0-DE", "CC-BY-3.0", True),
        ("CC-BY-3.0-DE", "CC-BY", True),
        ("CC-BY-NC-4.0", "CC-BY", False),
        ("CC-BY-NC", "CC-BY", False),
        ("CC-BY", "CC-BY-4.0", False),
        ("CC-BY-4.0", "CC-BY-3.0", False),
        ("GPL-2.0-or-later", "GPL-2.0", False),
        ("unknown", "CC-BY", False),
        ("unknown", "unknown", True),
    ],
)
def test_a_name_allows_what_is_of_its_kind_alone(license: str, name: str, allowed: bool) -> None:
    assert allows([name], license) == allowed
