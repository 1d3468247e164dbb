"""The protocols of HumanEval: the raw prompt, an instruction, the two published evaluations, and EvalPlus's prompt.

Sources: CoMA is Denilah/CoMA at cc48631, `eval/generate_code.py` and `eval/run_generate.sh`; CodeCapybara is
AI4Code-Research/CodeCapybara at 9bc7ab4, `main/generate.py` and `scripts/eval_humaneval.sh`.
"""

import ast
import re
from types import MappingProxyType

from coma_cli.catalog.benchmarks.evalplus_prompt import evalplus_protocol
from coma_cli.catalog.benchmarks.protocols import CODEX_STOPS, SamplingProtocol, common_protocols, prompt_of
from coma_cli.records import Problem

# Three line breaks before the instruction, unlike Alpaca's own prompt.
_COMA_FRAME = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n\n"
    "### Instruction:\nCreate a Python script for this problem:\n{}\n\n### Response:"
)
# 200 completions per problem, in turns of 8; at most 512 tokens with the prompt counted. As written, the script would
# draw 12,800: it passes the length as the number of sequences. It names no top-k.
_COMA_SETTINGS = MappingProxyType({"n": 200, "temperature": (0.2,), "top_p": 0.95, "top_k": 0, "max_length": 512})
CAPYBARA_SETTINGS = MappingProxyType(
    {"n": 200, "temperature": (0.1,), "top_p": 0.75, "top_k": 40, "max_new_tokens": 128, "quantize": "int8"}
)


def coma_prompt(problem: Problem) -> str:
    """CoMA's prompt, whose slice is wrong where a prompt has no triple double quotes or no `>>>`, as published.

    The slice is from behind the first triple double quotes to the first `>>>`; what is not found counts as at -1.
    """
    text = problem.prompt.replace("    ", "\t")
    return _COMA_FRAME.format(_folded(text[text.find('"""') + 3 : text.find(">>>")]))


def coma_prompt_fixed(problem: Problem) -> str:
    """CoMA's prompt with the description of the requested function, whatever quotes and examples it has."""
    return _COMA_FRAME.format(_folded(_docstring(problem).partition(">>>")[0]))


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _docstring(problem: Problem) -> str:
    """The description in the body of the entry point, its first string; the whole prompt where there is none."""
    try:
        tree = ast.parse(f"{problem.prompt.rstrip()}\n    pass\n")
    except SyntaxError:
        return problem.prompt
    texts = [
        statement.value.value
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == problem.entry_point
        for statement in node.body  # an import may come first, as in HumanEval/115
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    ]
    return next((text for text in texts if isinstance(text, str)), problem.prompt)


PROTOCOLS = (
    *common_protocols(CODEX_STOPS),
    SamplingProtocol(
        "coma-paper",
        "CoMA's published prompt: the description in its own frame, without the signature",
        coma_prompt,
        stops=CODEX_STOPS,
        settings=_COMA_SETTINGS,
        extraction="coma-stop",
    ),
    SamplingProtocol(
        "coma-paper-fixed",
        "coma-paper, with the description where the published slice misses it",
        coma_prompt_fixed,
        stops=CODEX_STOPS,
        settings=_COMA_SETTINGS,
        extraction="coma-stop",
    ),
    SamplingProtocol(
        "capybara-paper",
        "CodeCapybara's published settings: the raw prompt, an 8-bit base",
        prompt_of,
        settings=CAPYBARA_SETTINGS,
        extraction="capybara-cut",
    ),
    evalplus_protocol(
        "EvalPlus's prompt; for a chat model with the start of its answer",
        prompt_of,
        ("\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert "),
    ),
)
