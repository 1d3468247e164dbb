"""The prompts of round two, and those for Chinese rows; `round_one` has those of round one.

The second round sees instruction and function, as CodeCapybara's does: the answer is then code that people wrote, made
runnable.
"""

from collections.abc import Sequence

from coma_cli.instructions.round_one import WRITTEN_IN
from coma_cli.languages import display
from coma_cli.records import TextLanguage

SYSTEM_ONE = "You turn existing source code into programming tasks for people who have never seen that code."
SYSTEM_TWO = "You are a careful programmer who solves tasks with complete, runnable programs."

GROUP_FRAME = ('{"tasks": [', "")
# What a usable answer begins and ends with, for a model that can be made to write between them.
INSTRUCTION_FRAME = ("<instruction>", "</instruction>")
CHINESE_FRAME = ("<chinese>", "</chinese>")
WORDINGS_FRAME = ("<wordings>", "</wordings>")

_TWO_FROM_INSTRUCTION = """\
{instruction}

Answer with one complete {language} program that runs as is. Include all imports and everything it calls{main}. It \
must not read files, read user input or access the network, and it must terminate. {comments} Put the whole program in \
one block that begins with ```{fence} and ends with ```, and write nothing outside the block."""

_TWO_FROM_CODE = """\
Here is a programming task:

<task>
{instruction}
</task>

And here is {language} code that does the work, taken from a larger project:

<code>
{code}
</code>

Answer with one complete {language} program that solves the task with this code and runs as is.

- Keep the code: its names, statements and order stay as they are. You may qualify names by their module, move it into \
a class, and drop comments.
- Add the imports, and short definitions of everything else it needs{main}.
- The program must not read files, read user input or access the network, and it must terminate.
- {comments}

Put the whole program in one block that begins with ```{fence} and ends with ```, and write nothing outside the \
block."""

_MAIN = ", and a `main` block that demonstrates it on a small example and prints the result"
_NO_MAIN = " and nothing else: no main function, no tests, no example calls"
_NO_COMMENTS = "Write no comments."


SYSTEM_CHINESE = "You write precise, concise and natural Simplified Chinese for programmers."

_CHINESE_SUMMARY = """\
Read this {language} code:

<code>
{code}
</code>

What it does, in English:

<english>
{english}
</english>

Describe in Simplified Chinese what the code does, in one to three sentences. Convey what the English text says, and \
add nothing that the code does not do. Keep names from the code unchanged.

Answer with the text between <chinese> and </chinese> and nothing else."""

_CHINESE_INSTRUCTION = """\
Here is a programming task in English:

<english>
{english}
</english>
{given}
This {language} code solves it:

<code>
{code}
</code>

Write the same task in Simplified Chinese. Ask for exactly what the English text asks for, keep names, numbers and \
quoted text unchanged, and do not give away any part of the answer.

Answer with the task between <chinese> and </chinese> and nothing else."""

_WORDINGS = """\
A language model is trained on rows of one programming task. {form}

The instruction of a row may be worded in many ways. These wordings are there already:

<there>
{there}
</there>

Write {count} more in {language}.

- Each asks for exactly the same, is complete on its own, and fits on one line.
- Vary verbs, sentence forms, length and tone: requests, questions, short and polite ones.
- Keep what is in braces or angle brackets unchanged, each exactly once: it is filled in later.
- Add no code, no example and no hint at the answer.

Answer with the wordings between <wordings> and </wordings>, one per line, and nothing else."""

_GIVEN = """
The task comes with this input:

<input>
{given}
</input>
"""


def program_frame(language: str) -> tuple[str, str]:
    """What a usable answer with a program begins and ends with."""
    return f"```{language}\n", "\n```"


def chinese_summary(code: str, language: str, english: str) -> str:
    """The prompt for a Chinese description of code."""
    return _CHINESE_SUMMARY.format(language=display(language), code=code.strip("\n"), english=english.strip())


def chinese_instruction(english: str, given: str, code: str, language: str) -> str:
    """The prompt for a Chinese version of a task, with its input (may be empty) and the code that solves it."""
    return _CHINESE_INSTRUCTION.format(
        english=english.strip(),
        given=_GIVEN.format(given=given.strip("\n")) if given else "",
        language=display(language),
        code=code.strip("\n"),
    )


def more_wordings(form: str, there: Sequence[str], count: int, text_language: TextLanguage) -> str:
    """The prompt for further wordings of a task's instruction, beside those that are `there`; `form` describes rows."""
    form = form[:1].upper() + form[1:].rstrip(".") + "."
    language = WRITTEN_IN[text_language]
    return _WORDINGS.format(
        form=form, there="\n".join(" ".join(text.split()) for text in there), count=count, language=language
    )


def round_two(
    instruction: str,
    language: str,
    text_language: TextLanguage,
    code: str | None,
    *,
    demonstrated: bool = True,
) -> str:
    """The prompt for a complete program that follows an instruction, around this code if there is any.

    A program that is not `demonstrated` has no main part, no tests and no comments, as in CodeCapybara's recipe.
    """
    template = _TWO_FROM_INSTRUCTION if code is None else _TWO_FROM_CODE
    return template.format(
        instruction=instruction,
        code=(code or "").strip("\n"),
        language=display(language),
        fence=language,
        main=_MAIN if demonstrated else _NO_MAIN,
        comments=f"Write comments in {WRITTEN_IN[text_language]}." if demonstrated else _NO_COMMENTS,
    )
