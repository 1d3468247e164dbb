"""Mixtures of data sets, one small file each. To add one: a file, a line here, a test."""

from collections.abc import Mapping

from coma_cli.catalog import index
from coma_cli.catalog.mixtures import codecapybara, comit
from coma_cli.catalog.mixtures.mixture import Mixture

MIXTURES: Mapping[str, Mixture] = index(comit.MIXTURE, comit.OLDER, codecapybara.MIXTURE)
