"""The rows that stages exchange: frozen, typed, each with the version of its schema.

`key` identifies a row within its file; a run appends a row once and knows by its key that it exists. The fields in
`VOLATILE_FIELDS` differ from run to run for reasons that are not part of the result, and are excluded from content
hashes. This is the only place that lists them.
"""

import hashlib
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, ValidationError

from coma_cli.errors import MissingInputError

VOLATILE_FIELDS = frozenset({"time", "wall_s", "cpu_s", "attempts", "host", "created", "latency_s", "tokens_per_s"})

TextLanguage = Literal["en", "cn"]
VerdictName = Literal["pass", "fail", "timeout", "memory", "error", "no-answer"]
# By a stop text or for a reason only the server knows, by an end token of the model, at the token limit, or not at all.
FinishReason = Literal["stop", "eos", "length", "error"]
DETAIL_LIMIT = 300


class Record(BaseModel):
    """A row of a JSONL artifact."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1

    SCHEMA_VERSION: ClassVar[int] = 1

    @property
    def key(self) -> str:
        """The identifier of this row in its file."""
        raise TypeError(f"{type(self).__name__} has no key")

    @property
    def failed(self) -> bool:
        """Whether the row records a failure, which a later run retries."""
        return False

    @classmethod
    def from_row(cls, row: dict[str, Any], origin: str, kind: str = "") -> Self:
        """Read a row; errors name its `origin` (file and line, say), and what rows of this `kind` are called.

        Raises:
            MissingInputError: a field is missing, unknown or of a wrong type, or the schema is another one.
        """
        version = row.get("schema_version", cls.SCHEMA_VERSION)
        if version != cls.SCHEMA_VERSION:
            raise MissingInputError(
                f"{origin}: {cls.__name__} of schema {version}, this coma reads schema {cls.SCHEMA_VERSION}.",
                "Run the command that made it again with this version of coma.",
            )
        try:
            return cls.model_validate(row)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
            raise MissingInputError(
                f"{origin}: not a row of {kind or f'type {cls.__name__}'} ({problems}).", "Repair or remove that row."
            ) from None

    def to_row(self) -> dict[str, Any]:
        """The row as JSON types, fields in order of declaration."""
        return self.model_dump(mode="json")

    @classmethod
    def volatile_fields(cls) -> frozenset[str]:
        """The fields of this record that are excluded from content hashes."""
        return VOLATILE_FIELDS & cls.model_fields.keys()


class Origin(BaseModel):
    """Where a training row's text comes from; `detail` says what was changed in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = ""
    row: str = ""
    lines: tuple[int, int] | None = None
    url: str = ""
    split: str = ""
    detail: str = ""


class Code(NamedTuple):
    """A function; or, if it is `mixed`, a text that may hold several: a file, an answer, a snippet."""

    language: str
    text: str
    mixed: bool = False


class RowSubject(NamedTuple):
    """What a row is about, which decides on its side of the split, and all code that it shows or shows a part of."""

    about: tuple[Code, ...]
    shown: tuple[Code, ...]


class Example(Record):
    """One instruction row: instruction, input and answer, where it is from, and how it was made.

    `proof` is the level that a generated program has reached; other rows have no such field. `subject` is known only
    while the row is built: no file has it.
    """

    id: str
    task: str
    source: str
    language: str
    text_language: TextLanguage = "en"
    instruction: str
    input: str = ""
    output: str
    licence: str
    origin: Origin = Origin()
    made_by: str = ""
    proof: str = ""
    subject: SkipValidation[RowSubject | None] = Field(default=None, exclude=True, repr=False)

    @property
    def key(self) -> str:
        return self.id

    def to_row(self) -> dict[str, Any]:
        """As for any record; without the field `proof` where there is none."""
        row = super().to_row()
        if not self.proof:
            del row["proof"]
        return row


class DroppedRow(Record):
    """A row that is not in the data, with the one reason why."""

    id: str
    source: str
    reason: str
    detail: str = ""
    row: dict[str, Any] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.id


class PendingRequest(Record):
    """A wanted row that upstream lacks, with everything needed to write it.

    It is the counterpart of a row in English, to be written in `text_language`. `asks_for` is the text to be written,
    `english` is that text in English. Code is kept: `input`, and `output` unless that is requested. `subset` is the
    sub-dataset that lacks it.
    """

    id: str
    subset: str
    task: str
    source: str
    language: str
    text_language: TextLanguage
    asks_for: Literal["instruction", "output"]
    english: str
    input: str = ""
    output: str = ""
    licence: str
    origin: Origin = Origin()

    @property
    def key(self) -> str:
        return self.id


class InputSets(BaseModel):
    """Inputs on which a program has to agree with the reference, in two sets: `base` and the larger `plus`.

    Both are Python source of a list of argument lists. The expected outputs are found by running the reference; with
    `only_whether`, only whether an output is None counts. `published_tests` are further tests that the reference has
    to pass, since comparing a reference with itself proves little.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str
    plus: str
    base_count: int
    plus_count: int
    base_cpu_limit_s: float
    only_whether: bool = False
    published_tests: tuple[str, ...] = ()


Measure = Literal[
    "labels", "choice", "word", "line", "rewrite", "summary", "code",
    "exact-match", "edit-similarity", "bleu", "sentence-bleu", "chrf", "codebleu",
]  # fmt: skip


class HeldOut(BaseModel):
    """What a problem with a reference answer has beside it; `measure` says by which metrics answers are compared.

    `input` follows the instruction in a prompt. `language` is that of the question's code, `answer_language` that of
    the answer's. `labels` are the possible answers of a yes/no question, the yes first; `candidates` what to choose
    from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    measure: Measure
    input: str = ""
    language: str = ""
    answer_language: str = ""
    text_language: TextLanguage = "en"
    labels: tuple[str, str] | None = None
    candidates: tuple[str, ...] = ()


_OF_FEW_PROBLEMS = ("held_out", "is_script", "method", "memory_mb")


class Problem(Record):
    """A benchmark problem in the form that sampling and scoring share.

    A base model continues `prompt`, a chat model is given `instruction`. A program to run is `prompt_code` + completion
    (for a continuation) or the completion alone; it is judged by `setup` followed by `tests`, trusted code that calls
    the names in `entry_points`, which include the required `entry_point`. `reference` is a complete passing program. If
    there are `input_sets`, the tests apply to each of the two. `mode` says in which process the tests run: `inproc`, in
    the program's own, only where nothing else is possible, for `mode_reason`. Where a problem is `held_out`, its
    answer is compared with `reference`, which need not be a program; it may have no tests. Without a `reference` nobody
    knows whether the tests can be passed.

    A program that `is_script` is a whole one that reads from standard input: tests give the text of it to `entry_point`
    and get what was written to standard output. With a `method`, `entry_point` is a class, and the first of
    `entry_points` a function that calls this method of a new instance. `memory_mb` (MiB) is a limit of this problem's
    own.

    `description` and `assertions` are parts of the published row, for prompts that are composed of them; no file has
    them.
    """

    task_id: str
    bench: str
    prompt: str
    instruction: str
    prompt_code: str = ""
    entry_point: str = ""
    entry_points: tuple[str, ...] = ()
    setup: str = ""
    tests: str
    reference: str
    cpu_limit_s: float
    input_sets: InputSets | None = None
    mode: Literal["split", "inproc"] = "split"
    mode_reason: str = ""
    held_out: HeldOut | None = None
    is_script: bool = False
    method: str = ""
    memory_mb: int | None = None
    description: str = Field(default="", exclude=True, repr=False)
    assertions: tuple[str, ...] = Field(default=(), exclude=True, repr=False)

    @property
    def key(self) -> str:
        return self.task_id

    @property
    def input(self) -> str:
        """What follows the instruction in a prompt; empty for a benchmark whose instruction is the whole question."""
        return self.held_out.input if self.held_out else ""

    def to_row(self) -> dict[str, Any]:
        """As for all records; what few problems have only where they do, so that other problems keep their hashes."""
        row = super().to_row()
        return {name: value for name, value in row.items() if value or name not in _OF_FEW_PROBLEMS}


class Sample(Record):
    """One completion of one problem, identified by (task_id, temperature, index).

    `completion` is the answer as drawn, before any extraction. `reasoning` is what a reasoning model wrote before it,
    with its tags; `reasoning_cut` says that this part never ended, so that there is no answer. `stop_reason` is what
    ended the completion, the stop text or the id of the end token, where the engine knows it.
    """

    task_id: str
    temperature: float
    index: int
    completion: str
    prompt_sha256: str = ""
    finish_reason: FinishReason
    prompt_tokens: int = 0
    completion_tokens: int = 0
    log_probability: float | None = None
    seed: int | None = None
    error: str = ""
    reasoning: str = ""
    reasoning_tokens: int = 0
    reasoning_cut: bool = False
    stop_reason: str = ""

    @property
    def key(self) -> str:
        return sample_key(self.task_id, self.temperature, self.index)

    @property
    def failed(self) -> bool:
        return self.finish_reason == "error"


class CandidateRanking(Record):
    """What a model gives to each of a problem's candidates as its whole answer: natural logarithms of probabilities.

    Without any, `error` says why.
    """

    task_id: str
    log_probabilities: tuple[float, ...] = ()
    error: str = ""

    @property
    def key(self) -> str:
        return self.task_id


class FailedCheck(BaseModel):
    """The assertion that a program failed: its source, the last call, the expected and the actual value, shortened.

    "" where something is not known; `call` has the arguments as the call left them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    test: str = ""
    call: str = ""
    expected: str = ""
    actual: str = ""


class Verdict(Record):
    """The result of running one sample's program, identified by the sample's key and the extraction protocol.

    `base` is the verdict on the base inputs alone, for problems with two sets of inputs. `temperature` is None where
    the samples do not state it.
    """

    task_id: str
    temperature: float | None
    index: int
    protocol: str
    verdict: VerdictName
    detail: Annotated[str, Field(max_length=DETAIL_LIMIT)] = ""
    program_sha256: str = ""
    base: VerdictName | None = None
    cpu_s: float = 0.0
    attempts: int = 1
    runner_crash: bool = False
    failed_check: FailedCheck | None = None

    @property
    def key(self) -> str:
        return f"{sample_key(self.task_id, self.temperature, self.index)}|{self.protocol}"

    @property
    def failed(self) -> bool:
        """Whether the sandbox failed, rather than the program."""
        return self.runner_crash

    @classmethod
    def volatile_fields(cls) -> frozenset[str]:
        """The usual ones and what quotes the program, which may contain addresses or times."""
        return super().volatile_fields() | {"detail", "failed_check"}


def sample_key(task_id: str, temperature: float | None, index: int) -> str:
    """The key of a sample in its file, with "-" for a temperature that is not stated."""
    return f"{task_id}|{'-' if temperature is None else format(temperature, 'g')}|{index}"


def row_seed(run_seed: int, key: str) -> int:
    """A row's own seed: 63 bits of a hash of the run's seed and the row's key, so order and restarts don't matter.

    Keys may hold lone surrogates: JSON strings and file names that are not UTF-8 have them.
    """
    digest = hashlib.sha256(f"{run_seed}|{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1
