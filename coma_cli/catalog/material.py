"""What sources pass to tasks: material of a few types, each with its origin and licence.

A source reads files and yields material; a task turns the types that it understands into rows. Neither knows about the
other, so a new source that yields a known type works with every task that takes it.
"""

from dataclasses import dataclass

from coma_cli.records import Origin, TextLanguage


@dataclass(frozen=True)
class Function:
    """A documented function. `code` is its code without the documentation; `header` is its signature alone.

    `summary` is the first paragraph of the documentation's prose, `description` all of that prose. `cuts` lists the
    spans (start and end as character offsets in `code`) of one-line statements that line completion may ask for.
    """

    language: str
    name: str
    header: str
    code: str
    summary: str
    description: str
    cuts: tuple[tuple[int, int], ...]
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Instruction:
    """A finished instruction row from an upstream instruction data set."""

    language: str
    instruction: str
    input: str
    output: str
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Exercise:
    """A small programming problem with tests that show what is expected, and a solution."""

    language: str
    statement: str
    tests: tuple[str, ...]
    solution: str
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Snippet:
    """A function or program without documentation, such as seed code."""

    language: str
    code: str
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class ClonePair:
    """Two functions, and whether they have the same functionality. `weak` marks a "no" that nobody checked."""

    language: str
    first: str
    second: str
    clones: bool
    weak: bool
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class JudgedFunction:
    """A function, and whether it is labelled as defective."""

    language: str
    code: str
    defective: bool
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Repair:
    """A buggy function and the fixed one. `abstracted`: names and literals are replaced by VAR_1 and so on."""

    language: str
    buggy: str
    fixed: str
    abstracted: bool
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Translation:
    """The same function in two programming languages. `tokenized`: as space-separated tokens."""

    language: str
    code: str
    target_language: str
    target_code: str
    tokenized: bool
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Question:
    """A question in words, candidate snippets, and which of them are answers (positions in `candidates`).

    Questions with the same `topic` (posts about the same question, for example) may share answers.
    """

    language: str
    text: str
    candidates: tuple[str, ...]
    answers: tuple[int, ...]
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"
    topic: str = ""


@dataclass(frozen=True)
class ContestSolution:
    """A competition problem and an accepted program, which reads standard input and prints the answer."""

    language: str
    name: str
    statement: str
    solution: str
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Cloze:
    """A tokenized function with one token replaced by `<mask>`, its description, and the masked token."""

    language: str
    description: str
    tokens: tuple[str, ...]
    answer: str
    choices: tuple[str, ...]
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class UnfinishedCode:
    """The beginning of a file or function as upstream cut it, and the rest of its last line."""

    language: str
    before: str
    line: str
    tokenized: bool
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


Material = (
    Function
    | Instruction
    | Exercise
    | Snippet
    | ClonePair
    | JudgedFunction
    | Repair
    | Translation
    | Question
    | ContestSolution
    | Cloze
    | UnfinishedCode
)
