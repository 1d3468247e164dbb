import pytest

from coma_cli.catalog.licences.hub_names import HUB_NAMES, hub_licence


@pytest.mark.parametrize(
    ("licences", "fields"),
    [
        (["MIT"], {"license": "mit"}),
        (["GPL-3.0-or-later"], {"license": "gpl-3.0"}),
        (["C-UDA-1.0"], {"license": "c-uda"}),
        (["PSF-2.0"], {"license": "other", "license_name": "psf-2.0"}),
        (["LicenseRef-proprietary"], {"license": "other", "license_name": "licenseref-proprietary"}),
        (["MIT OR Apache-2.0"], {"license": "other", "license_name": "mit-or-apache-2.0"}),
        (["MIT", "CC-BY-NC-4.0"], {"license": "other", "license_name": "mixed"}),
        (["MIT", "unknown (COPYING)"], {"license": "other", "license_name": "mixed"}),
        (["unknown (COPYING)"], {"license": "unknown"}),
        (["unknown (COPYING)", "unknown (no licence file)"], {"license": "unknown"}),
        ([], {"license": "unknown"}),
    ],
)
def test_licences_have_the_names_that_the_hub_knows(licences, fields):
    assert hub_licence(licences) == fields


def test_names_are_whole():
    assert {"bigcode-openrail-m", "cc-by-nd-4.0", "cdla-permissive-1.0"} <= HUB_NAMES
    assert not any(name.startswith("-") or name.endswith("-") for name in HUB_NAMES)
