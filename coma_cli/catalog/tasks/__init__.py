"""The tasks of the data set, one small file each. To add one: a file, a line here, a test with golden rows."""

from collections.abc import Mapping

from coma_cli.catalog import index
from coma_cli.catalog.tasks import (
    clone_detection,
    cloze,
    code_generation,
    code_repair,
    code_search,
    code_summarization,
    code_translation,
    competition,
    defect_detection,
    line_completion,
)
from coma_cli.catalog.tasks.task import Task

TASKS: Mapping[str, Task] = index(
    code_summarization.TASK,
    code_generation.TASK,
    code_search.TASK,
    clone_detection.TASK,
    defect_detection.TASK,
    line_completion.TASK,
    code_repair.TASK,
    code_translation.TASK,
    cloze.TASK,
    competition.TASK,
)
