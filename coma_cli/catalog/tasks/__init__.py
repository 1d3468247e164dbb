"""The tasks of the data set, one small file each. To add one: a file, a line here, a test with golden rows."""

from collections.abc import Mapping

from coma_cli.catalog import Catalogue
from coma_cli.catalog.tasks.task import Task

TASKS: Mapping[str, Task] = Catalogue(
    Task,
    __name__,
    {
        "code-summarization": "code_summarization:TASK",
        "code-generation": "code_generation:TASK",
        "code-search": "code_search:TASK",
        "clone-detection": "clone_detection:TASK",
        "defect-detection": "defect_detection:TASK",
        "line-completion": "line_completion:TASK",
        "code-repair": "code_repair:TASK",
        "code-translation": "code_translation:TASK",
        "cloze-test": "cloze:TASK",
        "competition": "competition:TASK",
    },
)
