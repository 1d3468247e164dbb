"""Builds the rows of one file, or of one piece of a large one: every step that looks at one row at a time.

Material, rows, cleaning, decontamination. The result is one part (see `parts`), in the order of the source, whichever
worker makes it.
"""

import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from coma_cli.catalog.material import Function, Material, Question
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.cleaning.cleaning import CleaningRules, clean
from coma_cli.corpus.cleaning.masking import masked_text
from coma_cli.corpus.cleaning.questions import checked_question
from coma_cli.corpus.cleaning.text_language import wrong_language
from coma_cli.corpus.decontamination.benchmark_index import BenchmarkIndex
from coma_cli.corpus.decontamination.decontaminate import contaminated_texts, decontaminate
from coma_cli.corpus.dedup.fingerprints import BATCH_ROWS, Fingerprints
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.corpus.examples import make_example, with_surroundings
from coma_cli.corpus.splitting import draws_of, pools_of
from coma_cli.corpus.subjects import subject_keys
from coma_cli.corpus.wordings import NO_WORDINGS, AddedWordings
from coma_cli.dataset.locating import WorkUnit, hash_shard
from coma_cli.dataset.parts import PartWriter
from coma_cli.dataset.row_index import encode_example, index_rows
from coma_cli.errors import MissingInputError
from coma_cli.formats.data_file import BrokenSourceError, Piece
from coma_cli.formats.rejected import Rejected
from coma_cli.jsonl import sha256_of, write_atomically
from coma_cli.records import DroppedRow, Example, Origin

BROKEN_SOURCE = "broken-source"
_SHOWN_CHARS = 500


@dataclass(frozen=True)
class BuildRecipe:
    """What every worker needs to know; `index` is None if rows are not checked against benchmarks.

    Parts are written to the folder `parts`; if it is None, as on the nodes of a cluster, they are returned.
    """

    tasks: tuple[str, ...]
    seed: int
    rules: CleaningRules
    index: BenchmarkIndex | None
    near: NearRules
    validation_share: float
    parts: Path | None
    skip_broken: bool
    reads_split: Callable[[str], bool]
    wordings: AddedWordings = NO_WORDINGS


class BuiltPart(NamedTuple):
    """A finished part: its name, and its compressed bytes if the worker could not put it into place itself."""

    name: str
    packed: bytes | None = None

    def put_into(self, folder: Path) -> None:
        """Write a part that was returned."""
        if self.packed is not None:
            write_atomically(folder / self.name, [zlib.decompress(self.packed)])


def build_part(recipe: BuildRecipe, unit: WorkUnit) -> BuiltPart:
    """Make the part of one unit.

    Raises:
        BrokenSourceError: the file can't be read to its end (unless broken ones are skipped: then that is its one row).
        MissingInputError: the file has changed since the run was planned.
    """
    _check_unchanged(unit)
    if recipe.parts is not None:
        _write_part(recipe, unit, recipe.parts / unit.part_name)
        return BuiltPart(unit.part_name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, unit.part_name)
        _write_part(recipe, unit, path)
        return BuiltPart(unit.part_name, zlib.compress(path.read_bytes(), 1))


def _write_part(recipe: BuildRecipe, unit: WorkUnit, path: Path) -> None:
    with PartWriter(path) as part:
        try:
            _write_rows(recipe, unit, part)
        except BrokenSourceError as error:
            if not recipe.skip_broken:
                raise
            part.restart()
            reason = _without_places(error.message, unit)
            part.dropped(_dropped(unit, Rejected(BROKEN_SOURCE, reason, Origin(path=unit.shard.name))))


def _without_places(message: str, unit: WorkUnit) -> str:
    """A message with the names of files in place of their paths on this machine."""
    message = message.replace(str(unit.shard.file), unit.shard.name)
    for path in {unit.shard.path, *(companion.path for companion in unit.shard.companions)}:
        message = message.replace(str(path), path.name)
    return message


def _write_rows(recipe: BuildRecipe, unit: WorkUnit, part: PartWriter) -> None:
    def on_reject(entry: Rejected) -> None:
        part.dropped(_dropped(unit, entry))

    rows: Iterator[Example] = clean(_examples(recipe, unit, on_reject), recipe.rules, part.dropped)
    if recipe.index is not None:
        rows = decontaminate(rows, recipe.index, part.dropped, part.evidence)
    add_rows(part, rows, recipe.near, recipe.seed, recipe.wordings)


def add_rows(
    part: PartWriter, rows: Iterable[Example], near: NearRules, seed: int, wordings: AddedWordings = NO_WORDINGS
) -> None:
    """Write rows into a part, with all that the final pass needs to know of them."""
    left = iter(rows)
    while batch := list(islice(left, BATCH_ROWS)):
        asking = [wordings.unworded(row) for row in batch] if wordings.texts else batch
        fingerprints, subjects = Fingerprints.of(asking, near), subject_keys(batch)
        lines = list(map(encode_example, batch))
        index = index_rows(batch, lines, fingerprints.by_row, draws_of(subjects, seed, len(batch)))
        part.texts(fingerprints.by_text)
        part.functions(subjects.functions, subjects.function_rows)
        for line, index_row in zip(lines, index, strict=True):
            part.row(line.line, index_row)


def _examples(recipe: BuildRecipe, unit: WorkUnit, on_reject: Callable[[Rejected], None]) -> Iterator[Example]:
    if unit.source.read_rows is not None:
        yield from _finished_rows(recipe, unit, on_reject)
        return
    tasks = [TASKS[name] for name in recipe.tasks if name in unit.source.tasks]
    pools = partial(pools_of, share=recipe.validation_share, seed=recipe.seed)
    wanted = _wanted_material(recipe, unit, on_reject)
    is_drawn_from = any(task.among is not None for task in tasks)
    barred_in = partial(_barred, recipe.index if is_drawn_from else None, unit.source.name)
    for material, context in with_surroundings(wanted, pools_of=pools, barred_in=barred_in):
        for task in tasks:
            example = make_example(task, material, unit.source.name, recipe.seed, context, recipe.wordings.beside)
            if example is not None:
                yield example


def _barred(index: BenchmarkIndex | None, source: str, block: Sequence[Material]) -> frozenset[str]:
    """The code in a block that is a benchmark's, or belongs to a benchmark's text: other rows must not show it."""
    if index is None:
        return frozenset()
    texts = [_said_and_coded(material) for material in block]
    found = contaminated_texts([text for several in texts for text in several], index, source)
    codes = (several[1:] if several[0] in found else found.intersection(several[1:]) for several in texts)
    return frozenset(code for several in codes for code in several)


def _said_and_coded(material: Material) -> tuple[str, ...]:
    """The text of material from which others draw candidates, and its code."""
    match material:
        case Function(description=text, code=code):
            return text, code
        case Question(text=text, candidates=candidates):
            return text, *candidates
    return ("",)


def _finished_rows(recipe: BuildRecipe, unit: WorkUnit, on_reject: Callable[[Rejected], None]) -> Iterator[Example]:
    """The rows of a source that has finished ones, of the requested tasks."""
    assert unit.source.read_rows is not None
    for entry in unit.source.read_rows(unit.shard):
        if isinstance(entry, Rejected):
            on_reject(entry)
        elif entry.task in recipe.tasks:
            yield entry


def _wanted_material(recipe: BuildRecipe, unit: WorkUnit, on_reject: Callable[[Rejected], None]) -> Iterator[Material]:
    """The unit's material of the requested splits, with questions in the language that they are labelled with.

    Questions are checked here, since the wording around one hides its language, and neighbours draw on their answers.
    """
    for entry in _material(unit):
        if isinstance(entry, Rejected):
            on_reject(entry)
        elif recipe.reads_split(entry.origin.split):
            why = wrong_language(entry.question, entry.text_language)
            if why is not None:
                on_reject(Rejected("text-language", why, entry.origin, {"question": entry.question}))
                continue
            checked = checked_question(entry) if isinstance(entry, Question) else entry
            if isinstance(checked, Rejected):
                on_reject(checked)
            else:
                yield checked


def _material(unit: WorkUnit) -> Iterator[Material | Rejected]:
    """The material in the unit's file, or in its piece of it."""
    piece = unit.shard.piece
    if piece.of == 1 or unit.source.reads_pieces:
        return unit.source.read(unit.shard)
    entries = unit.source.read(replace(unit.shard, piece=Piece()))
    # Pieces take turns, stretch by stretch, so that nobody has to know how much there is.
    return (entry for number, entry in enumerate(entries) if piece.holds(number))


def _dropped(unit: WorkUnit, entry: Rejected) -> DroppedRow:
    origin = entry.origin.model_dump(mode="json")
    row_id = sha256_of([unit.source.name, origin, entry.reason])[:20]
    content = {name: _shown(value) for name, value in entry.row.items()}
    return DroppedRow(
        id=row_id, source=unit.source.name, reason=entry.reason, detail=entry.detail, row={"origin": origin, **content}
    )


def _shown(value: object) -> str:
    """A value of a rejected row as text: it is listed, so its secrets are masked like those of other rows."""
    return masked_text(value if isinstance(value, str) else repr(value)[:_SHOWN_CHARS])


def _check_unchanged(unit: WorkUnit) -> None:
    try:
        same = hash_shard(unit.shard) == unit.sha256
    except OSError:
        same = False
    if not same:
        raise MissingInputError(
            f"{unit.shard.path} changed or vanished since the run was planned.", "Run the command again."
        )
