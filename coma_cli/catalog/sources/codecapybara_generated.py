"""CodeCapybara's own generation: problem statements and programs that a language model wrote in two rounds.

Upstream's loader only checks that there is a program, so it lets through rows that failed a filter or were truncated.
Here both flags must be the JSON value true: some rows have the string "exceed_max_tokens" instead.
"""

from collections.abc import Iterator
from pathlib import Path

from coma_cli.catalog.material import Instruction, Material
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.data_file import Shard
from coma_cli.formats.fences import unfenced
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table, shards_below, text_of
from coma_cli.jsonl import JsonRow
from coma_cli.languages import UNSPECIFIED, language_of_label
from coma_cli.records import Origin

LICENCE = "CC-BY-NC-4.0"  # DATA_LICENSE of the repository
# Columns that every row of the generator has.
COLUMNS = ("code", "instruction", "language", "pass_2nd")


def find(place: Path) -> list[Shard]:
    """`generated_data.jsonl`, or Parquet converted from it."""
    names = [f"**/generated_data{rest}" for rest in (".jsonl", ".jsonl.gz", ".json", ".json.gz", "*.parquet")]
    return shards_below(place, names, LICENCE)


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The rows that passed both rounds. As upstream, a row has statement and program, but not the seed code."""
    for entry in read_table(shard, COLUMNS, unique="id"):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        origin = Origin(path=shard.name, row=str(number), split="train")
        failed = _failed_round(row)
        yield Rejected("failed-upstream", failed, origin, row) if failed else _instruction(row, shard, origin)


def _failed_round(row: JsonRow) -> str:
    """Which round the row failed and why, or the empty string."""
    for part in ("1st", "2nd"):
        passed = row.get(f"pass_{part}")
        if passed is not True:
            reason = row.get(f"pass_{part}_reason") or (passed if isinstance(passed, str) else "no reason given")
            return f"round {part}: {reason}"
    return ""


def _instruction(row: JsonRow, shard: Shard, origin: Origin) -> Instruction | Rejected:
    statement, program, label = (text_of(row, column) for column in ("instruction", "gen_code", "language"))
    if statement is None or program is None:
        return Rejected("broken-row", "instruction or gen_code is not a string", origin, row)
    answer = unfenced(program)
    if answer is None:
        return Rejected("cut-answer", "a fenced block is never closed", origin, row)
    if not statement.strip() or not answer.text.strip():
        return Rejected("empty-output", "", origin, row)
    language = language_of_label(label or "") or UNSPECIFIED
    return Instruction(language, statement.strip(), "", answer.text, licence=shard.licence, origin=origin)


SOURCE = Source(
    name="codecapybara_generated",
    folder="codecapybara_generated",
    url="https://github.com/FSoft-AI4Code/CodeCapybara",
    licence=LICENCE,
    citation="FSoft AI4Code (2023). CodeCapybara: Code Instruction Tuning.",
    splits="train (the only one)",
    gives=(Instruction,),
    find=find,
    read=read,
    bytes_per_row=2100,  # twice the measured 923 bytes of a row of seed code, and a statement
    reads_pieces=True,
    revision="ef2a0d1cb1059ab8e0ea0b719befea04a5ae9262",
    notes="Written by a language model (gpt-3.5-turbo); upstream mentions this file but did not publish it.",
)
