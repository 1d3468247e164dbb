"""How a benchmark's problem becomes a prompt, what ends an answer, and which sampling settings belong to that.

A protocol is data of a benchmark. Published ones keep their authors' prompt to the letter, so they bring their own
frame and the model's template is not applied. The ones that every benchmark has are here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from coma_cli.records import Problem

PromptText = Callable[[Problem], str]

# Chen et al. 2021 (arXiv:2107.03374), section 3.2. CoMA's evaluation has the same five.
CODEX_STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
# Source: bigcode-project/bigcode-evaluation-harness, `bigcode_eval/tasks/mbpp.py`, stop_words.
MBPP_STOPS = ("\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n<|/", "\n```")


@dataclass(frozen=True)
class SamplingProtocol:
    """A named way to present a benchmark's problems to a model.

    `continuation` is the text that a model continues, as it is; `instruction` the text that is put into the model's
    prompt template. With both, the model decides: the instruction if it has a template. `answer_start` is written at
    the start of the answer to an instruction. `stops` end a continuation, `instruction_stops` an answer. `settings` are
    settings of `coma sample` that belong to the protocol and hold unless they are given; `from_model` takes them from
    the model's own generation_config.json instead. `extraction` is the extraction protocol of `coma score` that goes
    with it as published.
    """

    name: str
    description: str
    continuation: PromptText | None = None
    instruction: PromptText | None = None
    answer_start: str = ""
    stops: tuple[str, ...] = ()
    instruction_stops: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    from_model: bool = False
    extraction: str = "default"

    @property
    def is_framed(self) -> bool:
        """Whether the protocol brings the whole prompt, so that no template is applied."""
        return self.instruction is None


def prompt_of(problem: Problem) -> str:
    """The prompt that a base model continues."""
    return problem.prompt


def instruction_of(problem: Problem) -> str:
    """The instruction that a chat model answers."""
    return problem.instruction


INSTRUCT = SamplingProtocol(
    "instruct", "an instruction in the model's prompt template", instruction=instruction_of,
    settings=MappingProxyType({"max_new_tokens": 512}),
)  # fmt: skip


def common_protocols(stops: tuple[str, ...]) -> tuple[SamplingProtocol, ...]:
    """The protocols of every benchmark; `stops` end a continuation of its prompts."""
    return (
        SamplingProtocol(
            "completion", "the problem's own prompt, continued without a template", prompt_of, stops=stops
        ),
        INSTRUCT,
        SamplingProtocol(
            "generation-config", "the prompt that fits the model, with the sampling settings that its authors publish",
            prompt_of, instruction_of, stops=stops, from_model=True,
        ),
    )  # fmt: skip
