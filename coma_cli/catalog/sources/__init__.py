"""The sources of training rows, one small file each. To add one: a file, a line here, a test."""

from collections.abc import Mapping

from coma_cli.catalog import index
from coma_cli.catalog.sources import code_contests, codealpaca, codecapybara_generated, codecapybara_seed, codegpt, mbpp
from coma_cli.catalog.sources.codesearchnet import codesearchnet
from coma_cli.catalog.sources.codexglue import (
    clone_detection,
    cloze,
    code_completion_line,
    code_refinement,
    code_to_text,
    code_translation,
    defect_detection,
)
from coma_cli.catalog.sources.source import Source
from coma_cli.catalog.sources.stackoverflow import codepro, conala, staqc

SOURCES: Mapping[str, Source] = index(
    codealpaca.SOURCE,
    codesearchnet.SOURCE,
    code_to_text.SOURCE,
    clone_detection.SOURCE,
    defect_detection.SOURCE,
    code_completion_line.SOURCE,
    code_refinement.SOURCE,
    code_translation.SOURCE,
    cloze.MAXMIN,
    cloze.ALL,
    codegpt.SOURCE,
    codepro.SOURCE,
    staqc.SOURCE,
    conala.SOURCE,
    code_contests.SOURCE,
    codecapybara_seed.SOURCE,
    codecapybara_generated.SOURCE,
    mbpp.SOURCE,
)
