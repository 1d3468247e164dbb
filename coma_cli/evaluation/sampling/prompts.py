"""How a benchmark's problems are presented to a model: the template, the prompts as tokens, and stop conditions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from coma_cli import prompting
from coma_cli.corpus.extraction.published_cuts import CODEX_STOPS
from coma_cli.errors import UsageError
from coma_cli.prompting import (
    RAW,
    PromptTemplate,
    Tokenizer,
    chat_template_of,
    choose_template,
    encode_prompt,
    stop_token_ids,
)
from coma_cli.records import Problem

PromptForm = Literal["continuation", "instruction"]

# Source: bigcode-project/bigcode-evaluation-harness, `bigcode_eval/tasks/mbpp.py`, stop_words.
MBPP_STOPS = ("\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n<|/", "\n```")


@dataclass(frozen=True)
class TemplateChoice:
    """A template and the reason for choosing it."""

    template: PromptTemplate
    reason: str

    @property
    def form(self) -> PromptForm:
        """Whether the model continues the problem's prompt or answers its instruction."""
        return "continuation" if self.template.sha256 == RAW.sha256 else "instruction"


@dataclass(frozen=True)
class Prompts:
    """The prompts as token ids by task id, and the tokens and texts that end a completion."""

    choice: TemplateChoice
    token_ids: Mapping[str, tuple[int, ...]]
    stop_ids: tuple[int, ...]
    stop_texts: tuple[str, ...]


def choose_prompt_template(
    wanted: str, tokenizer: Tokenizer, stored: PromptTemplate | None, *, allow_mismatch: bool = False
) -> TemplateChoice:
    """The template for sampling: the one stored with the model, unless another is requested.

    `auto` for a model without a stored one is its chat template, else plain continuation, which suits a base model.

    Raises:
        UsageError: unknown name, or a template other than the stored one without `allow_mismatch`.
    """
    if wanted == "auto":
        if stored is not None:
            return TemplateChoice(stored, "stored with the model in training")
        if tokenizer.chat_template:
            return TemplateChoice(chat_template_of(tokenizer), "the model's own chat template")
        return TemplateChoice(RAW, "plain continuation: the model has no chat template")
    template = choose_template(wanted, tokenizer, stored)
    if stored is None or template.sha256 == stored.sha256:
        return TemplateChoice(template, "as requested")
    if not allow_mismatch:
        raise UsageError(
            f"The model was tuned with the template {stored.name}, not {wanted}.",
            "Omit --template, or add --allow-template-mismatch.",
        )
    return TemplateChoice(template, f"as requested, though the model was tuned with {stored.name}")


def encode_problems(
    choice: TemplateChoice,
    tokenizer: Tokenizer,
    problems: Iterable[Problem],
    end_token_ids: Iterable[int],
    stop_texts: tuple[str, ...] | None,
) -> Prompts:
    """The prompts of problems as token ids; if `stop_texts` is None, those of the prompt's form are used."""
    problems = tuple(problems)
    template = choice.template
    token_ids = {p.task_id: tuple(encode_prompt(template, tokenizer, prompt_text(p, choice.form))) for p in problems}
    stops = dict.fromkeys([*stop_token_ids(template, tokenizer), *end_token_ids])
    texts = stop_texts if stop_texts is not None else default_stop_texts(choice.form, problems)
    ends = prompting.stop_texts(template)
    return Prompts(choice, token_ids, tuple(stops), tuple(dict.fromkeys((*ends, *texts))))


def prompt_text(problem: Problem, form: PromptForm) -> str:
    """The text of a problem that the model sees."""
    return problem.prompt if form == "continuation" else problem.instruction


def default_stop_texts(form: PromptForm, problems: Iterable[Problem]) -> tuple[str, ...]:
    """The published stop texts for continuation: Codex's for code prompts, the harness's for comment prompts."""
    if form == "instruction":
        return ()
    return CODEX_STOPS if all(problem.prompt_code for problem in problems) else MBPP_STOPS
