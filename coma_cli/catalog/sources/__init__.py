"""The sources of training rows, one small file each. To add one: a file, a line here, a test."""

from collections.abc import Mapping

from coma_cli.catalog import index
from coma_cli.catalog.sources import (
    codealpaca,
    codesearchnet,
    codexglue_clone_detection,
    codexglue_cloze,
    codexglue_code_completion_line,
    codexglue_code_refinement,
    codexglue_code_to_text,
    codexglue_code_translation,
    codexglue_defect_detection,
    mbpp,
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
    mbpp.SOURCE,
)
