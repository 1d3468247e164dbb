"""The prompts that ask a model to repair its program, and to write asserts for a function."""

from coma_cli.languages import display

SYSTEM = "You are a careful programmer who solves tasks with complete, runnable programs."

_REPAIR = """\
{request}

You have answered with this program:

<program>
{program}
</program>

It does not work: {error}

Answer with the whole program, corrected, in one block that begins with ```{fence} and ends with ```, and write \
nothing outside the block."""

_TESTS = """\
Here is a {language} program:

<program>
{program}
</program>

Write three to six assert statements that test {what}. They run after the program, in the same module: call its \
functions by their names, with values that you write out. Choose values for which you are certain of the result, and \
include edge cases. Use no files, no network and no user input.

Answer with the assert statements alone, in one block that begins with ```{fence} and ends with ```, and write nothing \
outside the block."""


def repair(request: str, program: str, error: str, language: str) -> str:
    """The prompt for a corrected program: the request that it answered, the program, and what is wrong with it."""
    return _REPAIR.format(request=request, program=program.strip("\n"), error=error, fence=language)


def asserts(program: str, functions: list[str], language: str) -> str:
    """The prompt for asserts that test these functions of a program."""
    what = f"the function {functions[0]}" if len(functions) == 1 else f"its functions {', '.join(functions)}"
    return _TESTS.format(program=program.strip("\n"), what=what, language=display(language), fence=language)
