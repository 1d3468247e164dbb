"""How a benchmark's problems are presented to a model: the template, the prompts as tokens, and stop conditions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from coma_cli.corpus.extraction.published_cuts import CODEX_STOPS
from coma_cli.errors import UsageError
from coma_cli.prompting import (
    RAW,
    PromptTemplate,
    Tokenizer,
    chat_template_of,
    choose_template,
    encode_answer,
    encode_prompt,
    stop_token_id,
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
    """The prompts as token ids by task id, and the tokens and texts that end a completion.

    `candidate_ids` are the candidates of problems that have any, each as a whole answer with its stop token.
    """

    choice: TemplateChoice
    token_ids: Mapping[str, tuple[int, ...]]
    stop_ids: tuple[int, ...]
    stop_texts: tuple[str, ...]
    candidate_ids: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)


def choose_prompt_template(
    wanted: str,
    tokenizer: Tokenizer,
    stored: PromptTemplate | None,
    *,
    allow_mismatch: bool = False,
    as_trained: bool = False,
) -> TemplateChoice:
    """The template for sampling: the one stored with the model, unless another is requested.

    `auto` for a model without a stored one is its chat template, else plain continuation, which suits a base model; or,
    with `as_trained`, what finetune would choose for it, so that a base is asked as its tuned model will be.

    Raises:
        UsageError: unknown name, or a template other than the stored one without `allow_mismatch`.
    """
    if wanted == "auto":
        if stored is not None:
            return TemplateChoice(stored, "stored with the model in training")
        if tokenizer.chat_template:
            return TemplateChoice(chat_template_of(tokenizer), "the model's own chat template")
        if as_trained:
            return TemplateChoice(choose_template(wanted, tokenizer), "what finetune takes for a model without one")
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
    texts_of = {p.task_id: (prompt_text(p, choice.form), p.input) for p in problems}
    token_ids = {name: tuple(encode_prompt(template, tokenizer, *texts)) for name, texts in texts_of.items()}
    stops = dict.fromkeys([stop_token_id(template, tokenizer), *end_token_ids])
    texts = stop_texts if stop_texts is not None else default_stop_texts(choice.form, problems)
    candidates = {
        p.task_id: tuple(tuple(encode_answer(template, tokenizer, text)) for text in p.held_out.candidates)
        for p in problems
        if p.held_out and p.held_out.candidates
    }
    return Prompts(choice, token_ids, tuple(stops), texts, candidates)


def prompt_text(problem: Problem, form: PromptForm) -> str:
    """The text of a problem that the model sees."""
    return problem.prompt if form == "continuation" else problem.instruction


def default_stop_texts(form: PromptForm, problems: Iterable[Problem]) -> tuple[str, ...]:
    """The published stop texts for continuation: Codex's for code prompts, the harness's for comment prompts."""
    problems = tuple(problems)
    if form == "instruction" or any(problem.held_out for problem in problems):
        return ()
    return CODEX_STOPS if all(problem.prompt_code for problem in problems) else MBPP_STOPS
