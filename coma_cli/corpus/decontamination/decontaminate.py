"""Decontamination: no row may contain a benchmark's problem or its solution, verbatim or under other names.

Level 1: no row shares a run of ten words with a problem's text or reference solution (see `word_runs`), or several of
its tests (see `checks`). Level 2: no function of a row, and no code as a whole, is a reference solution with other
identifiers, comments or layout, or after a small change (see `solutions`). All texts are decoded first (see
`decoding`), and each candidate of a list is checked by itself.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from coma_cli.catalog.benchmarks import LoadedBenchmark
from coma_cli.corpus.decontamination.benchmark_index import BenchmarkIndex, Hit
from coma_cli.corpus.decontamination.decoding import filled, folded, readings, strings_in
from coma_cli.corpus.decontamination.shipped import OWN_SPLIT, shipped
from coma_cli.corpus.dropping import OnDrop, dropped
from coma_cli.records import Example, Record

REASON = "contaminated"
LEVELS = (1, 2)  # that every benchmark is checked at
_BATCH_ROWS = 256
_SHARED_CHARS = 2000


class ContaminatedRow(Record):
    """A training row that contains a benchmark problem or its solution: their names, where it is, and the shared text.

    `shared` is at level 1 the words in common; at level 2 the row's code, which is the solution under other names; at
    level 3 the function that passes the problem's tests (`assertions` of them, and those of the problems in
    `also_solves`), or the words that it has in common with the problem beside that. `solves` at level 3 does
    not prove a copy.
    """

    id: str
    source: str
    task: str
    bench: str
    problem: str
    part: str
    where: str
    shared: str
    level: Literal[1, 2, 3] = 1
    kind: Literal["copy", "solves"] = "copy"
    assertions: int = 0
    also_solves: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.id


_latest: dict[tuple[tuple[str, str], ...], BenchmarkIndex] = {}


def index_of(benchmarks: Sequence[LoadedBenchmark]) -> BenchmarkIndex:
    """The index of the benchmarks whose hashes are part of this package, and of some others; the latest is cached.

    Raises:
        MissingInputError: one of the others has no problems.
    """
    known = shipped()
    new = [bench for bench in benchmarks if known.content_sha256.get(bench.name) != bench.content_sha256]
    key = tuple((bench.name, bench.content_sha256) for bench in new)
    if key not in _latest:
        index = BenchmarkIndex(known.background)
        index.add_tables(known.tables)
        for bench in new:
            index.add(bench.name, bench.problems)
        _latest.clear()
        _latest[key] = index
    return _latest[key]


def decontaminate(
    examples: Iterable[Example], index: BenchmarkIndex, on_drop: OnDrop, on_hit: Callable[[ContaminatedRow], None]
) -> Iterator[Example]:
    """The rows that share nothing with a benchmark; the others go to `on_drop`, their evidence to `on_hit`."""
    rows = iter(examples)
    while batch := list(islice(rows, _BATCH_ROWS)):
        for example, hit in zip(batch, contaminations(batch, index), strict=True):
            if hit is None:
                yield example
                continue
            row = dropped(example, REASON, f"{hit.problem} ({hit.part})")
            on_hit(hit.model_copy(update={"id": row.id}))
            on_drop(row)


def contaminated_texts(texts: Sequence[str], index: BenchmarkIndex, source: str) -> frozenset[str]:
    """Those of some texts of a source, questions and code, that contain part of a benchmark."""
    read = [folded(text) for text in texts]
    hits = (*index.quotations(read), *index.copies(read))
    return frozenset(texts[number] for number, hit in hits if hit.owner.bench != OWN_SPLIT.get(source))


class _Text(NamedTuple):
    """A text of a row: the number of the row, and where it is in the row.

    `is_code` says that it may be code by itself, `is_new` that it is not a part of another text of the row.
    """

    row: int
    where: str
    text: str
    is_code: bool
    is_new: bool = True


def contaminations(examples: Sequence[Example], index: BenchmarkIndex) -> list[ContaminatedRow | None]:
    """For each row, the evidence that it contains part of a benchmark, or None."""
    found: list[ContaminatedRow | None] = [None] * len(examples)
    texts = [text for number, example in enumerate(examples) for text in _texts(number, example)]
    words = [text for text in texts if text.is_new]
    for number, hit in index.quotations([text.text for text in words]):
        row, where = words[number].row, words[number].where
        if found[row] is None and hit.owner.bench != OWN_SPLIT.get(examples[row].source):
            found[row] = _evidence(examples[row], where, hit)
    codes = [text for text in texts if text.is_code and found[text.row] is None]
    for number, hit in index.copies([text.text for text in codes]):
        row, where = codes[number].row, codes[number].where
        if found[row] is None and hit.owner.bench != OWN_SPLIT.get(examples[row].source):
            found[row] = _evidence(examples[row], where, hit)
    return found


def _texts(number: int, row: Example) -> Iterator[_Text]:
    """The texts of a row, decoded; a list is read candidate by candidate."""
    instruction, given, answer = map(folded, (row.instruction, row.input, row.output))
    listed = strings_in(given)
    yield _Text(number, "question", instruction if listed else f"{instruction}\n{given}", is_code=False)
    yield _Text(number, "answer", answer, is_code=True)
    yield from (_Text(number, "question", folded(one), is_code=True) for one in listed)
    for where, text in (("question", instruction), ("question", "" if listed else given), ("answer", answer)):
        yield from (_Text(number, where, read, is_code=True) for read in readings(text))
    if given and not listed:
        yield _Text(number, "question", filled(given, answer) or given, is_code=True, is_new=False)
    if "return" in instruction and ("```" in instruction or "def " in instruction):
        yield _Text(number, "question", filled(instruction, answer) or instruction, is_code=True, is_new=False)


def _evidence(example: Example, where: str, hit: Hit) -> ContaminatedRow:
    return ContaminatedRow(
        id=example.id,
        source=example.source,
        task=example.task,
        bench=hit.owner.bench,
        problem=hit.owner.task_id,
        part=hit.owner.part,
        where=where,
        shared=hit.shared[:_SHARED_CHARS],
        level=hit.level,
    )


def contamination(example: Example, index: BenchmarkIndex) -> ContaminatedRow | None:
    """The evidence that a row contains part of a benchmark, or None."""
    return contaminations([example], index)[0]
