"""CodeAlpaca: 20,022 instruction rows written by a language model, in the style of Self-Instruct."""

import re
from collections.abc import Iterator
from pathlib import Path

from coma_cli.catalog.material import Instruction, Material
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.data_file import Shard
from coma_cli.formats.fetching.locations import HubForm
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table, shards_below, text_of
from coma_cli.formats.text import optional_text, unix_lines
from coma_cli.records import Origin
from coma_cli.syntax.answers import fault_of_answer
from coma_cli.syntax.code_layout import split_closing_braces, split_joined_lines, undouble_program
from coma_cli.syntax.detection import detect_language
from coma_cli.syntax.missing_headers import with_missing_includes
from coma_cli.syntax.python_names import with_missing_imports

LICENCE = "CC-BY-NC-4.0"
COLUMNS = ("instruction", "input", "output")
# How upstream's rows say that there is no input, ignoring brackets and case.
_NO_INPUT = re.compile(r"\W*(?:no\s*-?\s*input|not applicable|n/?a|none)\W*", re.IGNORECASE)
# Where an answer goes on to show what its program prints.
_OUTPUT = re.compile(
    r"\n[ \t]*(?:#+|//+|--)[ \t]*(?:(?:sample|expected)[ \t]+)?outputs?[ \t]*:?[ \t]*\n", re.IGNORECASE
)
_COMMENT = re.compile(r"\s*(?:#|//|--|/?\*|$)")


def find(place: Path) -> list[Shard]:
    """Upstream's data files, without `seed_tasks.jsonl`, the seed of the generation, which has another format."""
    shards = shards_below(
        place, ["*.json", "*.jsonl", "*.json.gz", "*.jsonl.gz", "**/*.parquet", "data/*.json"], LICENCE
    )
    return [shard for shard in shards if not shard.name.startswith("seed_tasks")]


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The rows of one file; the later release's `response` repeats `output` and is ignored."""
    for entry in read_table(shard, ("instruction", "output")):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        origin = Origin(path=shard.name, row=str(number), split="train")
        instruction, output = text_of(row, "instruction"), text_of(row, "output")
        given = optional_text(row.get("input"))
        if instruction is None or output is None or given is None:
            yield Rejected("broken-row", "instruction, input or output is not a string", origin, row)
            continue
        if not output.strip():
            yield Rejected("empty-output", "", origin, row)
            continue
        asked = "" if _NO_INPUT.fullmatch(given) else unix_lines(given).strip()
        language = detect_language(instruction, asked, output)
        answer = split_joined_lines(split_closing_braces(undouble_program(output.rstrip())), language)
        answer = without_printed_output(answer)
        if language == "python":
            answer = with_missing_imports(answer)
        elif language in ("c", "cpp"):
            answer = with_missing_includes(language, answer)
        fault = fault_of_answer(language, instruction, asked, answer)
        if fault is not None:
            yield Rejected(*fault, origin, row)
            continue
        yield Instruction(language, instruction.strip(), asked, answer, licence=shard.licence, origin=origin)


def without_printed_output(answer: str) -> str:
    """A program without what it prints, where that follows under a heading `# Output` and is not a comment itself."""
    heading = _OUTPUT.search(answer)
    if heading is None:
        return answer
    printed = answer[heading.end() :].split("\n")
    code = any(line.rstrip().endswith((")", ":", ";", "{", "}")) or "=" in line for line in printed)
    commented = all(_COMMENT.match(line) for line in printed)
    return answer if code or commented else answer[: heading.start()].rstrip()


SOURCE = Source(
    name="codealpaca",
    folder="codealpaca",
    url="https://github.com/sahil280114/codealpaca",
    licence=LICENCE,
    citation="Chaudhary, S. (2023). Code Alpaca: An Instruction-following LLaMA model for code generation.",
    splits="train (the only one)",
    gives=(Instruction,),
    find=find,
    read=read,
    bytes_per_row=450,
    reads_pieces=True,
    locations=(
        HubForm(
            "sahil2801/CodeAlpaca-20k", "152bb5e9a29651266b018106053980070a0521a1", ("code_alpaca_*.json",), 8_060_000
        ),
    ),
    rows=20_022,
    notes="The Hub's card says CC BY 4.0; its authors say CC BY-NC 4.0, which counts here.",
)
