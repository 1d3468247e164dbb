"""The sources of training rows, one small file each. To add one: a file, a line here, a test."""

from collections.abc import Mapping

from coma_cli.catalog import Catalogue
from coma_cli.catalog.sources.source import Source

SOURCES: Mapping[str, Source] = Catalogue(
    Source,
    __name__,
    {
        "codealpaca": "codealpaca:SOURCE",
        "codesearchnet": "codesearchnet.codesearchnet:SOURCE",
        "codexglue_code_to_text": "codexglue.code_to_text:SOURCE",
        "codexglue_clone_detection": "codexglue.clone_detection:SOURCE",
        "codexglue_defect_detection": "codexglue.defect_detection:SOURCE",
        "codexglue_code_completion_line": "codexglue.code_completion_line:SOURCE",
        "codexglue_code_refinement": "codexglue.code_refinement:SOURCE",
        "codexglue_code_translation": "codexglue.code_translation:SOURCE",
        "codexglue_cloze_maxmin": "codexglue.cloze:MAXMIN",
        "codexglue_cloze_all": "codexglue.cloze:ALL",
        "codegpt": "codegpt:SOURCE",
        "codepro": "stackoverflow.codepro:SOURCE",
        "staqc": "stackoverflow.staqc:SOURCE",
        "conala": "stackoverflow.conala:SOURCE",
        "code_contests": "code_contests:SOURCE",
        "codecapybara_seed": "codecapybara_seed:SOURCE",
        "codecapybara_generated": "codecapybara_generated:SOURCE",
        "mbpp": "mbpp:SOURCE",
    },
)
