"""The tasks of the data set, one small file each. To add one: a file, a line here, a test with golden rows."""

from collections.abc import Mapping

from coma_cli.catalog import index
from coma_cli.catalog.tasks import code_generation, code_search, code_summarization, competition, line_completion
from coma_cli.catalog.tasks.task import Task

TASKS: Mapping[str, Task] = index(
    code_summarization.TASK, code_generation.TASK, code_search.TASK, line_completion.TASK, competition.TASK
)
