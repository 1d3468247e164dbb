"""CodeGPT: Chinese instructions with code written by a language model, in one file per programming language.

Of an answer that is a single fenced block only the code is kept; an answer with text around its block is unchanged.
Line ends that upstream doubled (in its LeetCode part) or lost are restored. A question that asks in other words what an
earlier one of its file asks gives no row: three of ten in the part `code-medium`. The interview questions in
`code-text` don't ask for code, so they give no rows, and neither do the questions about one function each in
`code-basic`: 12 of 40 that were read in languages other than Python and 5 of 30 in Python are wrong (functions that
no library has, answers without the function), and nothing in their text tells which. Statements of LeetCode problems
get back the exponents that they lost. A row is rejected whose answer has no code, is unfinished, or holds a plain
mistake.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from coma_cli.catalog.material import Instruction, Material
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.data_file import Shard
from coma_cli.formats.exponents import has_lost_exponents, with_exponents
from coma_cli.formats.fences import unfenced
from coma_cli.formats.fetching.locations import GitHubFiles, RemoteFile
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table, shards_below, text_of
from coma_cli.jsonl import JsonRow
from coma_cli.languages import language_of_label
from coma_cli.records import Origin, TextLanguage
from coma_cli.syntax.answers import fault_of_answer
from coma_cli.syntax.code_layout import split_joined_lines, undouble_program
from coma_cli.syntax.detection import detect_language
from coma_cli.syntax.missing_headers import with_missing_includes
from coma_cli.syntax.python_names import with_missing_imports
from coma_cli.words import chinese_share

LICENCE = "Apache-2.0"
_COMMIT = "1153697295d0e11c3f823044a9f52ce82e0c4bea"
_ARCHIVE = RemoteFile(
    "CodeGPT-Dataset-V1-CN.zip", 3_101_101, "2b8642a71c2a173db0b026b60d641be948831590c980450f2dd15d0fadb00803"
)
COLUMNS = ("user", "assistant")
INTERVIEWS, BASIC, MEDIUM, LEETCODE = "code-text", "code-basic", "code-medium", "code-leetcode"
_LISTING_MARKS = re.compile(r"[；;]+$")  # between the questions of a list
# Words in which questions differ that ask for the same: "how", "please", "implement", "a", "of".
_FILLER = re.compile(
    r"\A(?:请|如何)?(?:使用|利用|用)|怎么样?|怎样|如何|实现|编写|请|一个|一段|程序|代码|语言|进行|将|把|的|中|在|里|出"
)
_TELLING = re.compile(r"[\w#+<>=*/%]|(?<=[\w ])-(?=[a-z0-9 ])")


def find(place: Path) -> list[Shard]:
    """The members of upstream's archive, or the same files in a folder, also as Parquet or gzip."""
    shards = shards_below(place, ["**/*.json", "**/*.jsonl", "**/*.json.gz", "**/*.jsonl.gz", "**/*.parquet"], LICENCE)
    return [replace(shard, name=readable_name(shard.name)) for shard in shards]


def readable_name(name: str) -> str:
    """A member's name that is GBK without a flag to say so, which zipfile decodes as CP437."""
    try:
        return name.encode("cp437").decode("gbk")
    except UnicodeError:
        return name


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The rows of one file; the language is taken from its name, else from the code fence or the instruction."""
    path = PurePosixPath(shard.name)
    of_file = language_of_label(path.name.partition(".")[0])
    asked_before: dict[str, Instruction] = {}
    for entry in read_table(shard, COLUMNS):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        origin = Origin(path=shard.name, row=str(number), split="train")
        if INTERVIEWS in path.parts:
            yield Rejected("no-code-task", f"an interview question from {INTERVIEWS}", origin, row)
        elif BASIC in path.parts:
            yield Rejected("unreliable-part", f"a question from {BASIC}", origin, row)
        else:
            made = _instruction(row, of_file, shard.licence, origin)
            made = _checked(made, row) if isinstance(made, Instruction) else made
            first = _asked_first(made, asked_before) if MEDIUM in path.parts else None
            yield made if first is None else Rejected("duplicate", f"asks the same as row {first}", origin, row)


def _asked_first(made: Instruction | Rejected, asked_before: dict[str, Instruction]) -> str | None:
    """The number of an earlier row that asks the same in other words; exact repeats are found with all other ones."""
    if isinstance(made, Rejected):
        return None
    first = asked_before.setdefault(f"{made.language} {question_key(made.instruction)}", made)
    return first.origin.row if first.instruction != made.instruction else None


def question_key(question: str) -> str:
    """What a question asks for: its letters, digits and operators without filler words, the same for other wordings."""
    return "".join(_TELLING.findall(_FILLER.sub("", question.strip().lower())))


def _instruction(row: JsonRow, of_file: str | None, licence: str, origin: Origin) -> Instruction | Rejected:
    asked, given = text_of(row, "user"), text_of(row, "assistant")
    if asked is None or given is None:
        return Rejected("broken-row", "user or assistant is not a string", origin, row)
    if not asked.strip():
        return Rejected("empty-instruction", "", origin, row)
    answer = unfenced(given)
    if answer is None:
        return Rejected("cut-answer", "a fenced block is never closed", origin, row)
    if not answer.text.strip():
        return Rejected("empty-output", "", origin, row)
    language = of_file or language_of_label(answer.tag) or detect_language(asked, "", answer.text)
    spoken: TextLanguage = "cn" if chinese_share(asked) else "en"
    output = split_joined_lines(undouble_program(answer.text), language)
    if language == "python":
        output = with_missing_imports(output)
    elif language in ("c", "cpp"):
        output = with_missing_includes(language, output)
    asked = _LISTING_MARKS.sub("", asked.strip()).rstrip()
    if LEETCODE in PurePosixPath(origin.path).parts:
        asked = with_exponents(asked)
    return Instruction(language, asked, "", output, licence=licence, origin=origin, text_language=spoken)


def _checked(made: Instruction, row: JsonRow) -> Instruction | Rejected:
    """A row whose answer is worth training on, or why it is not."""
    if LEETCODE in PurePosixPath(made.origin.path).parts and has_lost_exponents(made.instruction):
        return Rejected("lost-exponent", "", made.origin, row)
    fault = fault_of_answer(made.language, made.instruction, "", made.output)
    return made if fault is None else Rejected(*fault, made.origin, row)


SOURCE = Source(
    name="codegpt",
    folder="codegpt",
    url="https://github.com/zxx000728/CodeGPT",
    licence=LICENCE,
    citation="CodeGPT: A Code-Related Dialogue Dataset Generated by GPT and for GPT (2023).",
    splits="train (the only one)",
    gives=(Instruction,),
    find=find,
    read=read,
    bytes_per_row=780,
    revision=_COMMIT,
    locations=(GitHubFiles("zxx000728/CodeGPT", _COMMIT, (_ARCHIVE,)),),
    rows=32_079,
    notes="Unchecked answers of a language model; some questions are statements of LeetCode problems. The parts "
    "`code-basic` (a quarter of the answers that were read is wrong) and `code-text` (interviews) are skipped.",
)
