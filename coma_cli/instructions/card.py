"""The card of a run: what was asked, what came through each round in each language, why the rest was dropped, the cost.

It holds what differs from start to start, so it does not count in the run's content hash.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coma_cli.drop_reasons import DROP_REASONS
from coma_cli.instructions.rounds import ItemDraft, ItemKind
from coma_cli.instructions.rows import GeneratedRows
from coma_cli.instructions.settings import GenSettings
from coma_cli.languages import display
from coma_cli.publishing.cards import table
from coma_cli.records import Example
from coma_cli.words import count_of

CARD = "card.md"
_SHOWN = 2
_LONGEST_SHOWN = 1500  # characters
_AGREEMENT: Mapping[str, str] = {
    "majority": "more than half",
    "minority": "half or fewer, in one of the largest groups",
    "none": "no other one",
    "nothing-to-compare": "unknown: fewer than two return something",
}


@dataclass(frozen=True)
class CardFacts:
    """What a card is made of; `proof` counts the kept rows by how far their programs were proven, if they were."""

    kind: ItemKind[Any]
    drafts: Sequence[ItemDraft[Any]]
    rows: GeneratedRows
    summary: Mapping[str, Any]
    proof: Mapping[str, int]


def card(facts: CardFacts, settings: GenSettings) -> str:
    """The whole card, in Markdown."""
    rows, summary = facts.rows, facts.summary
    lines = [
        "# Generated rows",
        "",
        f"{count_of(len(rows.train), 'training row')} and {count_of(len(rows.validation), 'validation row')} of "
        f"{len(facts.drafts)} {facts.kind.name}, written by {settings.model} "
        f"({'on this machine, ' if settings.is_local else ''}engine {settings.engine}). Seed {settings.seed}.",
        "",
        *_rounds(facts),
        *_proof(facts),
        *_dropped(facts),
        *_cost(summary),
        "## Benchmarks",
        "",
        f"Rows were checked against: {', '.join(summary['benchmarks'])}."
        if summary["benchmarks"]
        else "Rows were not checked against benchmarks.",
        "",
        *_licences(rows),
        *_examples(rows),
    ]
    return "\n".join(lines)


def _rounds(facts: CardFacts) -> Iterator[str]:
    """How many items of each language came through each round, and became rows."""
    count = len(facts.kind.rounds)
    totals = Counter(draft.item.language for draft in facts.drafts)
    passed = [Counter(d.item.language for d in facts.drafts if _passed(d, number)) for number in range(count)]
    kept = Counter(row.language for row in (*facts.rows.train, *facts.rows.validation))
    names = [*sorted(totals), ""]
    yield from ("## Languages and pass rates", "")
    cells = []
    for name in names:
        total = totals[name] if name else totals.total()
        through = [found[name] if name else found.total() for found in (*passed, kept)]
        cells.append((display(name) if name else "all", str(total), *(_share(number, total) for number in through)))
    columns = ("language", facts.kind.name, *(f"passed round {number + 1}" for number in range(count)), "rows kept")
    yield from table(columns, cells)


def _passed(draft: ItemDraft[Any], number: int) -> bool:
    return draft.state == "accepted" or len(draft.answers) > number + 1


def _share(part: int, total: int) -> str:
    return f"{part} ({part / total:.0%})" if total else "0"


def _proof(facts: CardFacts) -> Iterator[str]:
    if facts.proof:
        yield from ("## Proof", "", "How far the programs of kept rows were proven by running them:", "")
        yield from table(("level", "rows"), [(level, str(count)) for level, count in facts.proof.items()])
    agreement = facts.summary["proof"]["agreement"]
    if agreement:
        yield from ("Several programs were written for one instruction and compared by what they return; of all:", "")
        yield from table(
            ("programs that agree with the one kept", "instructions"),
            [(_AGREEMENT[name], str(count)) for name, count in agreement.items()],
        )
        replaced = facts.summary["proof"]["replaced"]
        yield from (f"For {count_of(replaced, 'instruction')} another program than the first one is kept.", "")


def _dropped(facts: CardFacts) -> Iterator[str]:
    yield from ("## Dropped", "")
    reasons = facts.rows.reasons
    yield from table(("reason", "rows", "meaning"), [(r, str(n), DROP_REASONS.get(r, "")) for r, n in reasons.items()])


def _cost(summary: Mapping[str, Any]) -> Iterator[str]:
    usd = summary["usd"]
    yield from ("## Cost", "")
    yield (
        f"{count_of(summary['calls'], 'paid call')}, {summary['prompt_tokens']} prompt tokens, "
        f"{summary['completion_tokens']} completion tokens, "
        f"{'no known price' if usd is None else f'${usd:.6g}'}; {summary['answers_reused']} stored answers were reused."
    )
    yield ""


def _licences(rows: GeneratedRows) -> Iterator[str]:
    found = Counter(row.licence for row in (*rows.train, *rows.validation))
    yield from ("## Licences of the code", "")
    yield from table(("licence", "rows"), [(name, str(count)) for name, count in sorted(found.items())])


def _examples(rows: GeneratedRows) -> Iterator[str]:
    yield from ("## Examples", "")
    for row in rows.train[:_SHOWN]:
        yield from _example(row)


def _example(row: Example) -> Iterator[str]:
    """A row, indented, so that nothing in it can be taken for a part of the card."""
    parts = (f"Instruction: {row.instruction}", *([f"Input: {row.input}"] if row.input else []), row.output)
    for part in parts:
        cut = part if len(part) <= _LONGEST_SHOWN else f"{part[:_LONGEST_SHOWN]} ..."
        yield from (f"    {line}".rstrip() for line in cut.splitlines())
        yield ""
