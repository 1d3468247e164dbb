"""Plain English in whatever people read: phrases that were replaced once must not come back.

Checked are docstrings, comments and string literals of the package, and the text of configurations and documentation.
To allow a phrase in one place, add an entry to `ALLOWED` with the reason.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
# Each phrase with what to write instead. `~` is any word; matching ignores case unless the phrase is in CASED.
PHRASES = {
    # archaic or private
    r"anew": "again, from scratch",
    r"mend(?:s|ed|ing)?": "fix",
    r"(?:not )?at hand": "available",
    r"of (?:its|their) own accord": "automatically",
    r"pass(?:es|ed)? over": "skip",
    r"whoever": "anyone who, the user",
    r"lest|thereof|whereof|whence|thence|hitherto|wherein|therein|herein": "a modern word",
    r"(?:kept|keep|keeps|set|sets|put|puts) aside": "drop, store separately",
    r"(?:goes?|went) on (?:where|with|by itself)|command goes on": "continues; rerun the same command to resume",
    r"how (?:its|the) last line goes on|how does .{0,60} go on": "how does ... continue",
    r"(?:goes|go|went) on all the same|all the same(?=,)": "continues anyway",
    r"com(?:e|es|ing) to (?:its|their|an) end": "finish, run to completion",
    r"bring .{1,60} to its end": "complete",
    r"in the manner of": "as in, in the style of",
    r"(?:has|have|the) (?:the )?last word": "decides",
    r"sign of life": "handshake",
    r"gone mad|speaks? nonsense|under suspicion|farewell|frowns? at|too dear": "a plain technical term",
    r"(?:carry|carries|carried) (?:this ~ )?over": "port",
    r"stands?(?! for\b)": "is",
    r"sisters?|twins?(?!-in-train)": "counterpart, near-duplicate",
    # metaphors from courts and houses
    r"warden|court(?:s|room)?|the house": "reaper, score run, architecture",
    r"walls?(?![ -]?(?:clock|time)|_)": "isolation, layer",
    # terms that the field calls otherwise
    r"obstacles?": "blocker",
    r"blanks": "whitespace, spaces",
    r"signs": "characters, markers",
    r"pictures?": "plot, image",
    r"number types?": "dtype",
    r"row of (?:~ )?tokens": "token sequence",
    r"by the clock": "wall-clock",
    r"newest": "latest",
    r"asked[- ]for": "requested",
    r"keeps? clear of|kept clear of": "decontaminate against",
    r"left out|leaves? (?:it |them |this |these )?out|leaving ~ out": "skipped, excluded",
    r"was there before|were there before": "is a duplicate",
    r"passes for the": "counts as the",
    r"cuts? nothing": "disables",
    r"from which on": "minimum",
    r"likeliest tokens": "top-k",
    r"(?<!there )(?:is|are|was|were|be) no (?!longer|more|less|fewer|better|worse|greater|larger)[a-z]+": "is not a",
    r"(?:completions|rows|samples|tokens|seconds|files?) an? (?:problem|program|completion|sub-dataset|row)": "per",
    r"one an? (?:line|worker|language|program|row|problem|file|folder|card|core)": "one per",
    r"equal behaviou?r": "behaves identically",
    r"short of one problem": "has one problem left",
    r"what has to come out|prints? what comes out": "the expected output, the result",
    r"(?:a|the) keyboard": "user input",
    r"shows? it at work": "demonstrates it",
    r"by exactly one line|by one more line|by the one word": "with",
    r"(?:an?|the) address of an? (?:\w+[- ]){0,3}server": "base URL",
}
CASED = {
    r"the hub|Face hub|hub ids?": "the Hugging Face Hub",
    r"Says": "Describes, Returns",
}
# (file, text): why it may stay.
ALLOWED: dict[tuple[str, str], str] = {}
# Folders that are not clean yet; empty this list.
PENDING: tuple[str, ...] = ()
# Parts of pending folders that are clean.
CLEAN = (
    "coma_cli/corpus/extraction/",
    "coma_cli/formats/aligned_text.py",
    "coma_cli/formats/data_file.py",
    "coma_cli/formats/plain_pickles.py",
    "coma_cli/formats/seven_zip.py",
    "coma_cli/instructions/prompts.py",
)


class Text(NamedTuple):
    """A piece of text that people read, and the line where it begins."""

    line: int
    content: str


def compiled(phrase: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
    worded = phrase.replace("~", r"[\w{}-]+")
    return re.compile(rf"(?<![\w`-])(?:{worded})(?![\w`]|-\w)", flags)


PATTERNS = [(compiled(phrase), better) for phrase, better in PHRASES.items()] + [
    (compiled(phrase, 0), better) for phrase, better in CASED.items()
]


def texts_of(path: Path) -> Iterator[Text]:
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from python_texts(content)
    elif path.suffix == ".md":
        yield from paragraphs(
            re.sub(r"^```.*?^```", lambda code: "\n" * code[0].count("\n"), content, flags=re.S | re.M)
        )
    else:
        yield from paragraphs(content)


def without_code_blocks(markdown: str) -> str:
    return re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), markdown, flags=re.S | re.M)


def paragraphs(content: str) -> Iterator[Text]:
    line = 1
    for block in re.split(r"(\n\s*\n)", content):
        if block.strip():
            yield Text(line, re.sub(r"^\s*(?:#|>|\|)+ ?", "", block, flags=re.M))
        line += block.count("\n")


def python_texts(content: str) -> Iterator[Text]:
    """Docstrings, other strings of more than one word (regular expressions excepted) and comments."""
    strings = (
        node for node in ast.walk(ast.parse(content)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    for node in strings:
        if " " in node.value.strip() and not re.search(r"\(\?|\\[bswWSd]|\[\^", node.value):
            yield Text(node.lineno, node.value)
    yield from comments(content)


def comments(content: str) -> Iterator[Text]:
    """Comments; adjacent lines are one."""
    lines: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type == tokenize.COMMENT:
            if lines and token.start[0] != lines[-1][0] + 1:
                yield Text(lines[0][0], "\n".join(text for _, text in lines))
                lines = []
            lines.append((token.start[0], token.string.lstrip("# ")))
    if lines:
        yield Text(lines[0][0], "\n".join(text for _, text in lines))


def hits(texts: Iterable[Text], name: str = "") -> list[str]:
    return [
        f"{name}:{text.line}: {found[0]!r}; write: {better}"
        for text in texts
        for pattern, better in PATTERNS
        for found in pattern.finditer(" ".join(text.content.split()))
        if (name, found[0]) not in ALLOWED
    ]


def read_files() -> list[str]:
    """What is held to plain English, by its path from the repository's root."""
    found = [*ROOT.glob("coma_cli/**/*.py"), *ROOT.glob("configs/**/*.yaml"), *ROOT.glob("docs/**/*.md")]
    return sorted(path.relative_to(ROOT).as_posix() for path in [*found, ROOT / "README.md"])


def folder_of(name: str) -> str:
    return "/".join(name.split("/")[:3][:-1]) or name


FILES = read_files()
HELD = [name for name in FILES if name.startswith(CLEAN) or not name.startswith(PENDING)]


@pytest.mark.parametrize("folder", sorted({folder_of(name) for name in HELD}))
def test_phrases_that_were_replaced_do_not_come_back(folder):
    found = [hit for name in HELD if folder_of(name) == folder for hit in hits(texts_of(ROOT / name), name)]
    assert not found, "\n".join(found)


def test_exceptions_are_needed():
    for name, phrase in ALLOWED:
        assert any(phrase in text.content for text in texts_of(ROOT / name)), (name, phrase)


BAD = """
Write it anew, mended.
It is not at hand.
The bars of their own accord.
Hidden files are passed over.
Whoever reads it finds the same.
The row is kept aside.
The same command goes on where it stopped.
How does the last line of this Java code go on?
It goes on all the same.
A program that comes to its end passes.
Bring the last line of this Java token sequence to its end.
The whole text has the last word.
Carry this function over.
An answer as it stands there.
Made of their English sisters.
A zygote comes to stand behind its walls.
The warden stays behind.
What stands in the way: an obstacle.
Tokens stand between blanks.
Comment signs and markup.
The picture of pass@k.
Number type of the weights.
This row of Java tokens holds a mistake.
It took 3 s by the clock.
The newest finetune.
The function that was asked for.
Benchmark problems to keep clear of.
Rows that share text are left out.
The pair was there before.
It passes for the newest.
Nucleus; 1 cuts nothing.
The Jaccard index from which on two rows are near.
Likeliest tokens to draw from; 0 disables.
CPU seconds a program may use
The description is no text.
A file that is no whole dump.
Completions a problem and temperature.
CoMIT.json and a file a sub-dataset
One a language, in order.
This pair of functions has equal behaviour.
Your team is short of one problem.
Say what has to come out.
Without network, files or a keyboard.
A main part that shows it at work.
Continue this code by exactly one line.
The address of an OpenAI-compatible server
The rows come from the hub.
Says how a row is made.
""".strip().splitlines()
GOOD = """
There is no folder of that name, so there are no rows.
It is no longer needed and is no more than a note.
VAR_1 stands for a name, a stand-in for it, in standard form.
The wall-clock limit, the wall time and wall_s.
Fill in the blank marked <mask>.
The Hugging Face Hub; a Hub id; GitHub.
Rerun the same command to resume.
The reason is `twin-in-train`.
The program asks for input and prints what it reads.
A recommended amendment.
Write the next line, or continue it.
""".strip().splitlines()


@pytest.mark.parametrize("sentence", BAD)
def test_a_bad_phrase_is_found(sentence):
    assert hits([Text(1, sentence)])
    assert hits([Text(1, sentence.replace(" ", "\n    "))])


@pytest.mark.parametrize("sentence", GOOD)
def test_a_plain_sentence_is_not(sentence):
    assert hits([Text(1, sentence)]) == []


def test_docstrings_strings_and_comments_are_read_and_code_is_not():
    code = '''
def newest(signs):
    """The newest
    file."""
    # kept
    # aside
    raise ValueError(f"{signs} is no text")  # anew
PATTERN = r"\\bnewest of all\\b"
'''
    assert [hit.split(":")[1] for hit in hits(python_texts(code))] == ["3", "7", "5", "5"]
    assert len(hits(python_texts(code))) == 4


def test_markdown_is_read_without_its_code_blocks():
    text = "# Title\n\nThe newest\nrun.\n\n```\nthe newest run\n```\n\n> | left out |\n"
    assert [hit.split(":")[1] for hit in hits(paragraphs(without_code_blocks(text)))] == ["3", "10"]
