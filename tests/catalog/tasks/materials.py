"""Pieces of material for the tests of tasks: one of each kind, small and written by hand."""

from coma_cli.catalog.material import (
    ClonePair,
    Cloze,
    Exercise,
    Function,
    Instruction,
    JudgedFunction,
    Repair,
    Translation,
    UnfinishedCode,
)
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.examples import make_example
from coma_cli.records import Origin

MEAN_CODE = "def mean(values):\n    total = sum(values)\n    return total / len(values)"
CUT = (MEAN_CODE.index("return"), len(MEAN_CODE))
MEAN = Function(
    language="python",
    name="mean",
    header="def mean(values):",
    code=MEAN_CODE,
    summary="Return the mean of some numbers.",
    description="Return the mean of some numbers.\nThere has to be one.",
    cuts=(CUT,),
    licence="MIT",
    origin=Origin(path="stats.py", row="mean", lines=(1, 4)),
)
EXERCISE = Exercise(
    language="python",
    statement="Add two numbers.",
    tests=("assert add(1, 2) == 3", "assert add(0, 0) == 0"),
    solution="def add(a, b):\n    return a + b",
    licence="CC-BY-4.0",
    origin=Origin(path="mbpp.jsonl", row="task_id 601"),
)
INSTRUCTION = Instruction(
    "sql", "Select all.", "table t", "SELECT * FROM t;", licence="CC-BY-NC-4.0", origin=Origin(path="x", row="1")
)


def made(task, material, seed=0):
    return make_example(TASKS[task], material, "test", seed)


HERE = Origin(path="x.txt", row="1", split="train")
PAIR = ClonePair("java", "int a() {}", "int b() {}", False, licence="C-UDA-1.0", origin=HERE)
JUDGED = JudgedFunction("c", "int f(void)\n{\n}", True, licence="C-UDA-1.0", origin=HERE)
REPAIR = Repair("java", "int a ( ) { return 1 ; }", "int a ( ) { return 2 ; }", True, licence="C-UDA-1.0", origin=HERE)
TRANSLATION = Translation("java", "int a() {}", "csharp", "int A() {}", False, licence="C-UDA-1.0", origin=HERE)
CLOZE = Cloze(
    "go", "Cap it .", ("return", "<mask>", "(", "a", ")"), "min", ("max", "min"), licence="C-UDA-1.0", origin=HERE
)
UNFINISHED = UnfinishedCode("python", "import os <EOL> print (", "os )", True, licence="C-UDA-1.0", origin=HERE)
CAP_CODE = 'def cap(rows, top):\n    # the max of all\n    note = "max"\n    rows.append(max(rows))\n    return note'
CAP = Function(
    language="python",
    name="cap",
    header="def cap(rows, top):",
    code=CAP_CODE,
    summary="Note the largest row.",
    description="Note the largest row.",
    cuts=(),
    licence="MIT",
    origin=HERE,
)
