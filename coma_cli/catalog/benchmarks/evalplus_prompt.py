"""EvalPlus's prompt as a protocol, for each benchmark that it has.

Source: EvalPlus 0.3.1, `evalplus/codegen.py` and `evalplus/provider/utility.py`.
"""

from types import MappingProxyType

from coma_cli.catalog.benchmarks.protocols import PromptText, SamplingProtocol
from coma_cli.records import Problem

_REQUEST = (
    "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
    "\n```\n{}\n```\n"
)
_ANSWER = (
    "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:"
    "\n```python\n"
)
_STOPS = ("\nif __name__", "\ndef main(", "\nprint(")


def requesting(prompt: PromptText) -> PromptText:
    """EvalPlus's request to a chat model, around a problem's prompt."""

    def request(problem: Problem) -> str:
        return _REQUEST.format(prompt(problem).strip())

    return request


def evalplus_protocol(description: str, prompt: PromptText, stops: tuple[str, ...]) -> SamplingProtocol:
    """The protocol of a benchmark; `stops` are those that EvalPlus adds where a base model continues `prompt`."""
    return SamplingProtocol(
        "evalplus",
        description,
        prompt,
        requesting(prompt),
        answer_start=_ANSWER,
        stops=(*_STOPS, *stops),
        instruction_stops=(*_STOPS, "\n```\n"),
        settings=MappingProxyType({"n": 1, "temperature": (0.0,), "max_new_tokens": 768}),
    )
