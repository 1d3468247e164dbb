"""Mixtures of data sets, one small file each. To add one: a file, a line here, a test."""

from collections.abc import Mapping

from coma_cli.catalog import Catalogue
from coma_cli.catalog.mixtures.mixture import Mixture

MIXTURES: Mapping[str, Mixture] = Catalogue(
    Mixture,
    __name__,
    {
        "comit": "comit:MIXTURE",
        "comit-cloze": "comit:OLDER",
        "codecapybara": "codecapybara:MIXTURE",
    },
)
