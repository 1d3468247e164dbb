"""How published evaluations extract the program from a completion: by cutting at strings, quoted with their sources.

They know nothing about Python, so a helper function or a blank line may cost a sample its pass, which is why they are
worth comparing. Each is an extraction protocol in `protocols.py`.
"""

import re
from collections.abc import Iterable

from coma_cli.records import Problem

# Chen et al. 2021 (arXiv:2107.03374), section 3.2. CoMA's evaluation has the same five.
CODEX_STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")


def capybara_cut(problem: Problem, text: str, whole: bool = False) -> str:
    """CodeCapybara's truncation.

    HumanEval: up to the first blank line, then up to the first "def ". MBPP: up to "###", "if __name__" and "assert",
    then up to the second "def ". A repeated prompt is removed first, since CodeCapybara's files contain the prompt
    too. Source: AI4Code-Research/CodeCapybara, `main/eval_humaneval.py` and `main/eval_mbpp.py`.
    """
    if problem.prompt_code:
        body = text.removeprefix(problem.prompt_code)
        return problem.prompt_code + body.split("\n\n")[0].split("def ")[0]
    for mark in ("###", "if __name__", "assert"):
        text = text.split(mark)[0].strip()
    return "def ".join(text.split("def ")[:2]).strip()


def coma_stop(problem: Problem, text: str, whole: bool = False) -> str:
    """CoMA's stop words and clean-up.

    Up to the first stop word, with tabs as four spaces; if the rest contains "def", everything up to the end of that
    line is removed as a repeated signature; the prompt is prepended. Source: the evaluation of CoMA's
    authors, Denilah/BELLE_collama at 7971b66, `train/run_eval/generate_codet5p.py` (STOP_SEQS) and `process_preds.py`,
    which `run_eval.sh` runs before human-eval; Denilah/CoMA itself publishes no cut.

    Differences: a repeated prompt is removed first (CoMA's files never contain it), and for problems whose prompt is
    not code, which CoMA never scored, stops count from the first signature on and no line is removed.
    """
    prompt = problem.prompt_code.replace("\t", "    ")
    if not prompt:
        return _up_to(CODEX_STOPS, text, _after_signature(text)).replace("\t", "    ")
    body = _up_to(CODEX_STOPS, text.removeprefix(problem.prompt_code)).replace("\t", "    ")
    _, signature, behind = body.partition("def")
    _, line_end, rest = behind.partition("\n")
    return prompt + (rest if signature and line_end else body)


def codex_stop(problem: Problem, text: str, whole: bool = False) -> str:
    """The completion up to the first of the Codex paper's stop sequences, after the prompt.

    If the prompt is not code, stops count from the first signature on, which is in the completion itself.
    """
    if not problem.prompt_code:
        return _up_to(CODEX_STOPS, text, _after_signature(text))
    return problem.prompt_code + _up_to(CODEX_STOPS, text.removeprefix(problem.prompt_code))


def _up_to(stops: Iterable[str], text: str, begin: int = 0) -> str:
    """The text up to the first of the stops found after `begin`."""
    ends = [at for stop in stops if (at := text.find(stop, begin)) >= 0]
    return text[: min(ends, default=len(text))]


def _after_signature(text: str) -> int:
    signature = re.search(r"^def[^\n]*", text, re.MULTILINE)
    return signature.end() if signature else 0
