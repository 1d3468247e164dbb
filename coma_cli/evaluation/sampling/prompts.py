"""How a benchmark's problems are presented to a model: protocol and template, prompts as tokens, stop conditions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from coma_cli import prompting
from coma_cli.catalog.benchmarks.protocols import SamplingProtocol
from coma_cli.corpus.extraction.thinking import TAGS, opening_tag_at_end
from coma_cli.engines.reasoning import ReasoningLimit
from coma_cli.errors import UsageError
from coma_cli.prompting import (
    RAW,
    PromptTemplate,
    Tokenizer,
    choose_template,
    encode_answer,
    encode_prompt,
    plain_ids,
    stop_token_ids,
)
from coma_cli.records import Problem

PromptForm = Literal["continuation", "instruction"]


@dataclass(frozen=True)
class TemplateChoice:
    """A template with the reason for choosing it, and the protocol that it serves.

    `form` tells whether the model continues the problem's prompt or answers its instruction. `warning` names what a
    protocol overrides.
    """

    template: PromptTemplate
    reason: str
    form: PromptForm
    protocol: SamplingProtocol
    warning: str = ""

    @property
    def protocol_name(self) -> str:
        """The name of the protocol; where the model decided, of the one that it comes to."""
        follows = {"continuation": "completion", "instruction": "instruct"}
        return follows[self.form] if self.protocol.name == "auto" else self.protocol.name


@dataclass(frozen=True)
class Prompts:
    """The prompts as token ids by task id, and the tokens and texts that end a completion.

    `candidate_ids` are the candidates of problems that have any, each as a whole answer with its stop token.
    `reasoning` is the limit of a reasoning part, None for a model that is not known to write one.
    """

    choice: TemplateChoice
    token_ids: Mapping[str, tuple[int, ...]]
    stop_ids: tuple[int, ...]
    stop_texts: tuple[str, ...]
    candidate_ids: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    reasoning: ReasoningLimit | None = None


def choose_prompt_template(
    wanted: str,
    tokenizer: Tokenizer,
    stored: PromptTemplate | None,
    protocol: SamplingProtocol,
    *,
    allow_mismatch: bool = False,
    chat_options: Mapping[str, Any] | None = None,
) -> TemplateChoice:
    """The template for sampling by a protocol: the one stored with the model, unless another is requested.

    A protocol that brings its own prompt needs none, whatever the model was tuned with. `auto` for a model without a
    stored one is its chat template, else plain continuation, which suits a base model; a protocol that only has an
    instruction puts it into the prompt that finetune would choose, so that a base is asked as its tuned model will be.

    Raises:
        UsageError: unknown name; a template other than the stored one without `allow_mismatch`; a template for a
            protocol that has its own prompt; `chat_options` without a chat template; or a chat template that can't be
            used.
    """
    if protocol.is_framed:
        return _framed(wanted, stored, protocol, chat_options)
    if wanted == "auto":
        choice = _following(tokenizer, stored, protocol, chat_options)
    else:
        template = choose_template(wanted, tokenizer, stored, chat_options)
        form = _form(template, protocol)
        choice = TemplateChoice(template, _requested(wanted, template, stored, allow_mismatch), form, protocol)
    if chat_options and not choice.template.is_chat:
        raise UsageError(
            f"--chat-template-kwargs are for a model's chat template, and {choice.template.name} is used.",
            "Omit them, or choose --template chat.",
        )
    return choice


def _framed(
    wanted: str, stored: PromptTemplate | None, protocol: SamplingProtocol, chat_options: Mapping[str, Any] | None
) -> TemplateChoice:
    if wanted not in ("auto", RAW.name) or chat_options:
        raise UsageError(
            f"The protocol {protocol.name} has its own prompt, without a template.",
            "Omit --template and --chat-template-kwargs, or choose --protocol instruct.",
        )
    warning = ""
    if stored is not None and stored.sha256 != RAW.sha256:
        warning = (
            f"the model was tuned with the template {stored.name}, which the protocol {protocol.name} does not use; "
            "its answers may be worse than with --protocol instruct"
        )
    reason = f"the protocol {protocol.name} has its own prompt"
    return TemplateChoice(RAW, reason, "continuation", protocol, warning)


def _following(
    tokenizer: Tokenizer,
    stored: PromptTemplate | None,
    protocol: SamplingProtocol,
    chat_options: Mapping[str, Any] | None,
) -> TemplateChoice:
    """The template that fits the model."""
    if stored is not None:
        template = stored
        if chat_options and stored.is_chat:
            template = replace(stored, options=tuple(sorted({**dict(stored.options), **chat_options}.items())))
        return TemplateChoice(template, "stored with the model in training", _form(template, protocol), protocol)
    if tokenizer.chat_template:
        template = choose_template("chat", tokenizer, None, chat_options)
        return TemplateChoice(template, "the model's own chat template", "instruction", protocol)
    if protocol.continuation is not None:
        reason = "plain continuation: the model has no chat template"
        return TemplateChoice(RAW, reason, "continuation", protocol)
    template = choose_template("auto", tokenizer)
    return TemplateChoice(template, "the model has no template of its own", "instruction", protocol)


def _form(template: PromptTemplate, protocol: SamplingProtocol) -> PromptForm:
    continues = template.sha256 == RAW.sha256 and protocol.continuation is not None
    return "continuation" if continues else "instruction"


def _requested(wanted: str, template: PromptTemplate, stored: PromptTemplate | None, allow_mismatch: bool) -> str:
    if stored is None or template.sha256 == stored.sha256:
        return "as requested"
    if not allow_mismatch:
        raise UsageError(
            f"The model was tuned with the template {stored.name}, not {wanted}.",
            "Omit --template, or add --allow-template-mismatch.",
        )
    return f"as requested, though the model was tuned with {stored.name}"


def encode_problems(
    choice: TemplateChoice,
    tokenizer: Tokenizer,
    problems: Iterable[Problem],
    end_token_ids: Iterable[int],
    stop_texts: tuple[str, ...] | None,
    max_reasoning_tokens: int = 0,
) -> Prompts:
    """The prompts of problems as token ids; if `stop_texts` is None, those of the protocol are used.

    With `max_reasoning_tokens`, a reasoning part has that limit where the template knows of one.
    """
    template, protocol = choice.template, choice.protocol
    begun = protocol.answer_start if choice.form == "instruction" else ""
    start = plain_ids(tokenizer, begun)
    token_ids = {
        p.task_id: (*encode_prompt(template, tokenizer, prompt_text(p, choice.form, protocol), p.input), *start)
        for p in problems
    }
    candidates = {
        p.task_id: tuple(tuple(encode_answer(template, tokenizer, text)) for text in p.held_out.candidates)
        for p in problems
        if p.held_out and p.held_out.candidates
    }
    stops = dict.fromkeys([*stop_token_ids(template, tokenizer), *end_token_ids])
    texts = stop_texts if stop_texts is not None else default_stop_texts(choice.form, protocol)
    ends = prompting.stop_texts(template)
    reasoning = reasoning_of(choice, tokenizer, max_reasoning_tokens) if max_reasoning_tokens else None
    return Prompts(choice, token_ids, tuple(stops), tuple(dict.fromkeys((*ends, *texts))), candidates, reasoning)


def reasoning_of(choice: TemplateChoice, tokenizer: Tokenizer, max_tokens: int) -> ReasoningLimit | None:
    """The limit of a reasoning part, if the chat template has tags for one; None where it closes the part itself."""
    template = choice.template
    known = [tags for tags in TAGS if tags.opening in template.jinja or tags.closing in template.jinja]
    if choice.form == "continuation" or not template.is_chat or not known:
        return None
    prompt = prompting.render(template, tokenizer, "question").rstrip()
    if any(prompt.endswith(tags.closing) for tags in TAGS):
        return None  # as with enable_thinking=false
    return ReasoningLimit(max_tokens, {tags.opening: tags.closing for tags in known}, opening_tag_at_end(prompt))


def prompt_text(problem: Problem, form: PromptForm, protocol: SamplingProtocol) -> str:
    """The text of a problem that the model continues, or that is put into the template."""
    text = protocol.continuation if form == "continuation" else protocol.instruction
    assert text is not None
    return text(problem)


def default_stop_texts(form: PromptForm, protocol: SamplingProtocol) -> tuple[str, ...]:
    """The stop texts of a protocol."""
    return protocol.instruction_stops if form == "instruction" else protocol.stops
