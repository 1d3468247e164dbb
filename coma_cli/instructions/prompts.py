"""The prompts of the two rounds, and those for Chinese rows.

One code function per request. Batching several in one request is a few percent cheaper, but the answers would have to
be separated again, and one extra or missing header would pair every instruction with the wrong code. The second round
does not see the code: a training row contains only the instruction, so the instruction alone must be enough.
"""

from coma_cli.languages import display
from coma_cli.records import TextLanguage

SYSTEM_ONE = "You turn existing source code into programming tasks for people who have never seen that code."
SYSTEM_TWO = "You are a careful programmer who solves tasks with complete, runnable programs."

_WRITTEN_IN = {"en": "English", "cn": "Simplified Chinese"}

_ONE = """\
Read this {language} code:

<code>
{code}
</code>

Write one programming task that code like this would solve.

- The person solving the task will not see the code. Do not mention it, quote it or refer to it in any way.
- In two to six sentences, describe the input, the expected output and any edge cases.
- Omit anything that only makes sense inside the project the code comes from. The task must be solvable by a \
single self-contained program without network access, files or user input.
- State that the solution must be written in {language}.
- Write the task in {written_in}.

Answer with the task between <instruction> and </instruction> and nothing else."""

_TWO = """\
{instruction}

Answer with one complete {language} program that runs as is. Include all imports, everything it calls, and a `main` \
block that demonstrates it on a small example and prints the result. It must not read files, read user input or \
access the network, and it must terminate. Write comments in {written_in}. Put the whole program in one block that \
begins with ```{fence} and ends with ```, and write nothing outside the block."""


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

_GIVEN = """
The task comes with this input:

<input>
{given}
</input>
"""


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


def round_one(code: str, language: str, text_language: TextLanguage) -> str:
    """The prompt for an instruction that the code would solve."""
    return _ONE.format(language=display(language), code=code.strip("\n"), written_in=_WRITTEN_IN[text_language])


def round_two(instruction: str, language: str, text_language: TextLanguage) -> str:
    """The prompt for a complete runnable program that follows an instruction."""
    return _TWO.format(
        instruction=instruction, language=display(language), fence=language, written_in=_WRITTEN_IN[text_language]
    )
