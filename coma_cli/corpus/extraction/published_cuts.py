"""How published evaluations took the program from a completion: plain cuts at strings, quoted with their sources.

They know nothing of Python, so a helper function or a blank line may cost a sample its pass; that is what they are
compared for. Each is an extraction protocol.
"""

import re
from collections.abc import Iterable

from coma_cli.catalog.benchmarks.protocols import CODEX_STOPS as CODEX_STOPS
from coma_cli.records import Problem

CAPYBARA_CUT = "capybara-cut"


def capybara_cut(problem: Problem, text: str, whole: bool = False) -> str:
    """CodeCapybara's truncation.

    HumanEval: the prompt goes, then what follows the first blank line, then what follows the first "def ". Its files
    hold the prompt before each completion and it removes as many characters as the prompt has; so does this where a
    text begins with the prompt in another form (`prompt_cut_by_length`). MBPP: up to "###", "if __name__" and "assert",
    then up to the second "def ". Source: AI4Code-Research/CodeCapybara at 9bc7ab4, `main/eval_humaneval.py` and
    `main/eval_mbpp.py`.
    """
    if problem.prompt_code:
        by_length = prompt_cut_by_length(problem, text)
        body = text[len(problem.prompt_code) :] if by_length else text.removeprefix(problem.prompt_code)
        return problem.prompt_code + body.split("\n\n")[0].split("def ")[0]
    for mark in ("###", "if __name__", "assert"):
        text = text.split(mark)[0].strip()
    return "def ".join(text.split("def ")[:2]).strip()


def prompt_cut_by_length(problem: Problem, text: str) -> bool:
    """Whether a text repeats the prompt, but not to the letter (a decoder changed its whitespace, say).

    `capybara-cut` then removes it by its length, as published, which may cut too much or too little.
    """
    prompt = problem.prompt_code
    if not prompt or text.startswith(prompt):
        return False
    return "".join(text[: 2 * len(prompt)].split()).startswith("".join(prompt.split()))


def coma_stop(problem: Problem, text: str, whole: bool = False) -> str:
    """CoMA's stop words: up to the first of them, tabs as four spaces, the prompt before it.

    Source: Denilah/CoMA at cc48631, `eval/generate_code.py`, whose stops are those of the Codex paper. It removes no
    line of a repeated signature; another evaluation of the same authors (BELLE_collama) does.

    Ours: a completion that repeats the prompt loses it first (CoMA's files never hold it), and for problems whose
    prompt is not code, which CoMA never scored, the stops count from the first signature on.
    """
    prompt = problem.prompt_code
    begin = 0 if prompt else _after_signature(text)
    return prompt.replace("\t", "    ") + _up_to(CODEX_STOPS, text.removeprefix(prompt), begin).replace("\t", "    ")


def codex_stop(problem: Problem, text: str, whole: bool = False) -> str:
    """The completion up to the first of the Codex paper's stop sequences, after the prompt.

    Where the prompt is not code, the stops count from the first signature on, which the completion itself brings.
    """
    if not problem.prompt_code:
        return _up_to(CODEX_STOPS, text, _after_signature(text))
    return problem.prompt_code + _up_to(CODEX_STOPS, text.removeprefix(problem.prompt_code))


def _up_to(stops: Iterable[str], text: str, begin: int = 0) -> str:
    """The text up to the first of the stops that is found from `begin` on."""
    ends = [at for stop in stops if (at := text.find(stop, begin)) >= 0]
    return text[: min(ends, default=len(text))]


def _after_signature(text: str) -> int:
    signature = re.search(r"^def[^\n]*", text, re.MULTILINE)
    return signature.end() if signature else 0
