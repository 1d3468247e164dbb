"""What sources pass to tasks: material of a few types, each with its origin and licence.

A source reads files and yields material; a task turns the types that it understands into rows. Neither knows about the
other, so a new source that yields a known type works with every task that takes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coma_cli.formats.rejected import Rejected
from coma_cli.languages import require_known
from coma_cli.records import Code, Origin, TextLanguage
from coma_cli.words import words

if TYPE_CHECKING:
    from coma_cli.syntax.documentation import Prose
    from coma_cli.syntax.function import CodeFunction


@dataclass(frozen=True)
class Material:
    """What all shapes share: programming language, licence, origin, and the language of its text."""

    language: str
    licence: str = field(kw_only=True)
    origin: Origin = field(kw_only=True)
    text_language: TextLanguage = field(default="en", kw_only=True)

    def __post_init__(self) -> None:
        """Raise ValueError for a programming language that no entry of the table of languages names."""
        require_known(self.language)

    @property
    def question(self) -> str:
        """The words, in `text_language`, that tasks put into a wording of their own; "" if there are none."""
        return ""

    @property
    def shown(self) -> tuple[Code, ...]:
        """The code in its rows, whole even where a row shows a part of it; none if only the row itself tells."""
        return ()

    @property
    def about(self) -> tuple[Code, ...]:
        """What decides on which side of the split its rows are: one function or text, or several that must agree."""
        return self.shown[:1]


@dataclass(frozen=True)
class Function(Material):
    """A documented function. `code` is its code without the documentation; `header` is its signature alone.

    `summary` is the first paragraph of the documentation's prose, `description` all of that prose. `cuts` lists the
    spans (start and end as character offsets in `code`) of one-line statements that line completion may ask for.
    """

    name: str
    header: str
    code: str
    summary: str
    description: str
    cuts: tuple[tuple[int, int], ...]

    @property
    def shown(self) -> tuple[Code, ...]:
        return (Code(self.language, self.code),)

    @classmethod
    def documented(
        cls, function: CodeFunction, prose: Prose | None, *, licence: str, origin: Origin
    ) -> Function | Rejected:
        """A function with its documentation, or why the two teach nothing (see `refusal`)."""
        from coma_cli.syntax.documentation import refusal
        from coma_cli.syntax.remarks import tidied
        from coma_cli.text_language.identification import text_language_of

        if prose is not None:
            summary, description = (tidied(text, function) for text in (prose.summary, prose.description))
            prose = replace(prose, summary=summary, description=description)
        reason = refusal(function, prose)
        if reason is not None or prose is None:
            code, detail = reason or ("no-prose", "")
            return Rejected(code, detail, origin, {"code": function.code, "documentation": function.documentation})
        return cls(
            language=function.language,
            name=function.name,
            header=function.header,
            code=function.code,
            summary=prose.summary,
            description=prose.description,
            cuts=function.cuts,
            licence=licence,
            origin=origin,
            text_language=text_language_of(prose.summary) or "en",
        )


@dataclass(frozen=True)
class Instruction(Material):
    """A finished instruction row from an upstream instruction data set."""

    instruction: str
    input: str
    output: str


@dataclass(frozen=True)
class Exercise(Material):
    """A small programming problem with tests that show what is expected, and a solution."""

    statement: str
    tests: tuple[str, ...]
    solution: str

    @property
    def question(self) -> str:
        return self.statement

    @property
    def shown(self) -> tuple[Code, ...]:
        return (Code(self.language, self.solution, mixed=True),)


@dataclass(frozen=True)
class Snippet(Material):
    """A function or program without documentation, such as seed code."""

    code: str

    @property
    def shown(self) -> tuple[Code, ...]:
        return (Code(self.language, self.code, mixed=True),)


@dataclass(frozen=True)
class ClonePair(Material):
    """Two functions, and whether they share a functionality, as far as anybody checked.

    `others` are functions that do something else than both, as far as that can be seen from what they call.
    """

    first: str
    second: str
    clones: bool
    others: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[Code, ...]:
        return tuple(Code(self.language, code) for code in (self.first, self.second, *self.others))

    @property
    def about(self) -> tuple[Code, ...]:
        return self.shown[:2]


@dataclass(frozen=True)
class JudgedFunction(Material):
    """A function, and whether it is labelled as defective.

    `flaw` is the kind of bug (a `MutationKind`) that was injected, or could have been; "" for labels of other origin.
    `original` is the function before a bug was injected.
    """

    code: str
    defective: bool
    flaw: str = ""
    original: str = ""

    @property
    def shown(self) -> tuple[Code, ...]:
        return (Code(self.language, self.original or self.code), Code(self.language, self.code))


@dataclass(frozen=True)
class Repair(Material):
    """A buggy function and the fixed one. `abstracted`: names and literals are replaced by VAR_1 and so on.

    `flaw` is the kind of bug (a `MutationKind`) if it was injected.
    """

    buggy: str
    fixed: str
    abstracted: bool
    flaw: str = ""

    @property
    def shown(self) -> tuple[Code, ...]:
        return (Code(self.language, self.fixed), Code(self.language, self.buggy))


@dataclass(frozen=True)
class Translation(Material):
    """The same function in two programming languages. `tokenized`: as space-separated tokens."""

    code: str
    target_language: str
    target_code: str
    tokenized: bool

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown language, on either side."""
        super().__post_init__()
        require_known(self.target_language)

    @property
    def shown(self) -> tuple[Code, ...]:
        """Both, the longer one first: of generated code it shows the template best. So a pair and its reverse agree."""
        both = Code(self.language, self.code), Code(self.target_language, self.target_code)
        return tuple(sorted(both, key=lambda code: (-len(code.text), code.language)))


@dataclass(frozen=True)
class Question(Material):
    """A question in words, candidate snippets, and which of them are answers (positions in `candidates`).

    Questions with the same `topic` (posts about the same question, for example) may share answers.
    """

    text: str
    candidates: tuple[str, ...]
    answers: tuple[int, ...]
    topic: str = ""

    @property
    def question(self) -> str:
        return self.text

    @property
    def shown(self) -> tuple[Code, ...]:
        return tuple(Code(self.language, code, mixed=True) for code in self.candidates)

    @property
    def about(self) -> tuple[Code, ...]:
        """The words of the question, the same in all sources of a post, while each has its own choice of snippets."""
        return (Code("", " ".join(words(self.text))),)


@dataclass(frozen=True)
class ContestSolution(Material):
    """A competition problem and an accepted program, which reads standard input and prints the answer."""

    name: str
    statement: str
    solution: str

    @property
    def question(self) -> str:
        return self.statement

    @property
    def shown(self) -> tuple[Code, ...]:
        return (Code(self.language, self.solution, mixed=True),)

    @property
    def about(self) -> tuple[Code, ...]:
        """The problem: its solutions in several languages belong together."""
        return (Code("", self.statement),)


@dataclass(frozen=True)
class Cloze(Material):
    """A tokenized function with one token replaced by `<mask>`, its description, and the masked token."""

    description: str
    tokens: tuple[str, ...]
    answer: str
    choices: tuple[str, ...]

    @property
    def question(self) -> str:
        return self.description

    @property
    def shown(self) -> tuple[Code, ...]:
        """The function with its token back in place."""
        return (Code(self.language, " ".join(self.tokens).replace("<mask>", self.answer)),)


_BEGINNING_CHARS = 100


@dataclass(frozen=True)
class UnfinishedCode(Material):
    """The beginning of a file or function as upstream cut it, and the rest of its last line."""

    before: str
    line: str
    tokenized: bool

    @property
    def shown(self) -> tuple[Code, ...]:
        return (Code(self.language, f"{self.before} {self.line}", mixed=True),)

    @property
    def about(self) -> tuple[Code, ...]:
        """The beginning of the file, of which upstream may have made several rows."""
        return (Code(self.language, self.before[:_BEGINNING_CHARS]),)
