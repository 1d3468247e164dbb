"""The sources of training rows, one small file each. To add one: a file, a line here, a test."""

from collections.abc import Mapping

from coma_cli.catalog import index
from coma_cli.catalog.sources import (
    code_contests,
    codealpaca,
    codecapybara_generated,
    codecapybara_seed,
    codegpt,
    codepro,
    codesearchnet,
    codexglue_clone_detection,
    codexglue_cloze,
    codexglue_code_completion_line,
    codexglue_code_refinement,
    codexglue_code_to_text,
    codexglue_code_translation,
    codexglue_defect_detection,
    conala,
    mbpp,
    staqc,
)
from coma_cli.catalog.sources.source import Source

SOURCES: Mapping[str, Source] = index(
    codealpaca.SOURCE,
    codesearchnet.SOURCE,
    codexglue_code_to_text.SOURCE,
    codexglue_clone_detection.SOURCE,
    codexglue_defect_detection.SOURCE,
    codexglue_code_completion_line.SOURCE,
    codexglue_code_refinement.SOURCE,
    codexglue_code_translation.SOURCE,
    codexglue_cloze.MAXMIN,
    codexglue_cloze.ALL,
    codegpt.SOURCE,
    codepro.SOURCE,
    staqc.SOURCE,
    conala.SOURCE,
    code_contests.SOURCE,
    codecapybara_seed.SOURCE,
    codecapybara_generated.SOURCE,
    mbpp.SOURCE,
)
