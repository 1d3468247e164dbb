"""What sources hand to tasks: pieces of material in a few shapes, each with its origin and licence.

A source reads files and yields material; a task turns the shapes that it understands into rows. Neither knows the
other, so a new source that yields a known shape feeds every task that takes it.
"""

from dataclasses import dataclass

from coma_cli.records import Origin, TextLanguage


@dataclass(frozen=True)
class Function:
    """A documented function. `code` has the documentation cut out of it; `header` is its signature alone.

    `summary` is the first paragraph of the documentation's prose, `description` all of that prose. `cuts` lists the
    places (start, end as character offsets in `code`) of whole one-line statements whose text completion may ask for.
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
    """A finished instruction row of an upstream instruction set."""

    language: str
    instruction: str
    input: str
    output: str
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Exercise:
    """A small programming problem with tests that show what is wanted, and a solution."""

    language: str
    statement: str
    tests: tuple[str, ...]
    solution: str
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Snippet:
    """A function or program that says nothing about itself: seed code, or what other rows are made of."""

    language: str
    code: str
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class ClonePair:
    """Two functions, and whether they do the same. `weak` marks a "no" that nobody checked."""

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
    """A function, and whether it was judged to hold a defect."""

    language: str
    code: str
    defective: bool
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Repair:
    """A function with a bug, and it mended. `abstracted`: names and literals stand as VAR_1 and so on."""

    language: str
    buggy: str
    fixed: str
    abstracted: bool
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Translation:
    """The same function in two programming languages. `tokenized`: its tokens stand between single blanks."""

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
    """A question in words, snippets that may answer it, and which of them do (positions in `candidates`).

    Questions of one `topic` (posts about the same question, say) may share answers.
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
    """A competition problem and one program that was judged right, reading standard input and writing the answer."""

    language: str
    name: str
    statement: str
    solution: str
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Cloze:
    """A tokenized function with one token replaced by `<mask>`, its description, and the token that belongs there."""

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
    """The beginning of a file or function as upstream cut it, and the line that follows."""

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
