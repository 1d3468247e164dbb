"""What the model is told in the two rounds.

One code function a request. Several in one request are cheaper by a few percent, but then the answers have to be told
apart again, and one extra or missing header pairs every instruction with the wrong code. The second round does not see
the code: the row that a student learns from has only the instruction, so the instruction alone has to be enough.
"""

from coma_cli.languages import display
from coma_cli.records import TextLanguage

SYSTEM_ONE = "You turn existing source code into programming tasks for people who have never seen that code."
SYSTEM_TWO = "You are a careful programmer who answers tasks with complete programs."

_WRITTEN_IN = {"en": "English", "cn": "Simplified Chinese"}

_ONE = """\
Read this {language} code:

<code>
{code}
</code>

Write one programming task that code like this would solve.

- Whoever gets the task does not see the code. Do not mention it, quote it or refer to it in any way.
- Say what is given, what has to come out, and the cases that need care, in two to six sentences.
- Leave out anything that only makes sense inside the project the code comes from. The task must be solvable by one \
program on its own, without network, files or a keyboard.
- Say that the solution is to be written in {language}.
- Write the task in {written_in}.

Answer with the task between <instruction> and </instruction> and with nothing else."""

_TWO = """\
{instruction}

Answer with one complete {language} program that can be run as it stands: with everything it imports, everything it \
calls, and a main part that shows it at work on a small example and prints what comes out. It must not read files, the \
keyboard or the network, and it must come to an end. Write comments in {written_in}. Put the whole program into one \
block that begins with ```{fence} and ends with ```, and write nothing outside the block."""


SYSTEM_CHINESE = "You write Simplified Chinese for programmers: exact, short, natural."

_CHINESE_SUMMARY = """\
Read this {language} code:

<code>
{code}
</code>

What it does, in English:

<english>
{english}
</english>

Say in Simplified Chinese what the code does, in one to three sentences. Say what the English says, and nothing that \
the code does not do. Names that stand in the code stay as they are.

Answer with the text between <chinese> and </chinese> and with nothing else."""

_CHINESE_INSTRUCTION = """\
Here is a task for programmers in English:

<english>
{english}
</english>
{given}
This {language} code answers it:

<code>
{code}
</code>

Write the same task in Simplified Chinese. Ask for no more and no less than the English does, keep names, numbers and \
quoted texts as they are, and give nothing of the answer away.

Answer with the task between <chinese> and </chinese> and with nothing else."""

_GIVEN = """
With it is given:

<input>
{given}
</input>
"""


def chinese_summary(code: str, language: str, english: str) -> str:
    """Asks for what code does, in Chinese."""
    return _CHINESE_SUMMARY.format(language=display(language), code=code.strip("\n"), english=english.strip())


def chinese_instruction(english: str, given: str, code: str, language: str) -> str:
    """Asks for the Chinese form of a task, given with its input (may be empty) and the code that answers it."""
    return _CHINESE_INSTRUCTION.format(
        english=english.strip(),
        given=_GIVEN.format(given=given.strip("\n")) if given else "",
        language=display(language),
        code=code.strip("\n"),
    )


def round_one(code: str, language: str, text_language: TextLanguage) -> str:
    """Asks for an instruction which the code answers."""
    return _ONE.format(language=display(language), code=code.strip("\n"), written_in=_WRITTEN_IN[text_language])


def round_two(instruction: str, language: str, text_language: TextLanguage) -> str:
    """Asks for a complete runnable program for an instruction."""
    return _TWO.format(
        instruction=instruction, language=display(language), fence=language, written_in=_WRITTEN_IN[text_language]
    )
