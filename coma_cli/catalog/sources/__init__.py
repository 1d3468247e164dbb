"""The sources of training rows, one small file each. To add one: a file, a line here, a test."""

from collections.abc import Mapping

from coma_cli.catalog import index
from coma_cli.catalog.sources import codealpaca, mbpp
from coma_cli.catalog.sources.source import Source

SOURCES: Mapping[str, Source] = index(codealpaca.SOURCE, mbpp.SOURCE)
