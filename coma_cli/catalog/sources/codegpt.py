"""CodeGPT: Chinese instructions with code written by a language model, in one file per programming language.

Of an answer that is a single fenced block only the code is kept; an answer with text around its block is unchanged.
Line ends that upstream doubled (in its LeetCode part) or lost are restored. A question that asks in other words what an
earlier one of its file asks gives no row: three of ten in the part `code-medium`. The interview questions in
`code-text` don't ask for code, so they give no rows. Statements of LeetCode problems get back the exponents that they
lost. A row is rejected whose answer has no code, is unfinished, or is not about the function that its question names.
"""

import keyword
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
from coma_cli.syntax.answers import UNDEFINED, fault_of_answer
from coma_cli.syntax.code_layout import split_joined_lines, undouble_program
from coma_cli.syntax.detection import detect_language
from coma_cli.syntax.python_names import library_names, with_missing_imports
from coma_cli.words import chinese_share

LICENCE = "Apache-2.0"
_COMMIT = "1153697295d0e11c3f823044a9f52ce82e0c4bea"
_ARCHIVE = RemoteFile(
    "CodeGPT-Dataset-V1-CN.zip", 3_101_101, "2b8642a71c2a173db0b026b60d641be948831590c980450f2dd15d0fadb00803"
)
COLUMNS = ("user", "assistant")
INTERVIEWS, MEDIUM, LEETCODE = "code-text", "code-medium", "code-leetcode"
# What each question of the part `code-basic` begins with: it names a function or class of a library.
_TOPIC = re.compile(r"这是(?:一道|一个)?关于\s*[\w#+]{1,12}?\s*中的?\s*(.+?)的?问题")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
# A function's name; classes are used by subclasses, `__add__` by operators, and types by `auto`.
_FUNCTION = re.compile(r"(?!operator$|iterator$|function$)_?[a-z](?!.*__)\w{2,}", re.ASCII)
_PREFIX = re.compile(r"\A_*(?:get|set|is|has)(?=[A-Z_])_?|\A_+")
_KEYWORDS = frozenset(word.lower() for word in (*keyword.kwlist, *keyword.softkwlist))
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
    asked = _LISTING_MARKS.sub("", asked.strip()).rstrip()
    if LEETCODE in PurePosixPath(origin.path).parts:
        asked = with_exponents(asked)
    return Instruction(language, asked, "", output, licence=licence, origin=origin, text_language=spoken)


def _checked(made: Instruction, row: JsonRow) -> Instruction | Rejected:
    """A row whose answer is worth training on, or why it is not."""
    if LEETCODE in PurePosixPath(made.origin.path).parts and has_lost_exponents(made.instruction):
        return Rejected("lost-exponent", "", made.origin, row)
    topic = _TOPIC.search(made.instruction)
    named = _IDENTIFIER.findall(topic[1].partition("(")[0].replace("\\", "")) if topic is not None else []
    fault = fault_of_answer(made.language, made.instruction, "", made.output, frozenset(named))
    if fault is None and named and made.language == "python" and not _is_known_in_python(named[-1]):
        fault = UNDEFINED, f"Python has no {named[-1]}"
    if fault is None and named and _FUNCTION.fullmatch(named[-1]):
        name = _PREFIX.sub("", named[-1], count=1).lower()
        fault = None if name in made.output.lower() else ("other-function", f"{named[-1]} is not in the answer")
    return made if fault is None else Rejected(*fault, made.origin, row)


def _is_known_in_python(name: str) -> bool:
    """Whether any module or class of the standard library has a name; keywords and `__add__` are known, too."""
    lower = name.lower()
    return lower in library_names() or lower in _KEYWORDS or name.startswith("__")


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
    notes="Unchecked answers of a language model; some questions are statements of LeetCode problems.",
)
