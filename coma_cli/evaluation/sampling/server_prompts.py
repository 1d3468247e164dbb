"""The prompts of problems for a server: messages that it puts into its own template, or texts that it completes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from coma_cli.catalog.benchmarks.protocols import SamplingProtocol
from coma_cli.errors import UsageError
from coma_cli.evaluation.sampling.prompts import PromptForm, default_stop_texts, prompt_text
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.prompting import RAW, TEMPLATES, PromptTemplate, file_of_template, template_from_file
from coma_cli.prompting import prompt_text as rendered
from coma_cli.records import Problem


@dataclass(frozen=True)
class ServerPrompts:
    """What a server gets for each task id, and what ends a completion.

    `template` is the one that coma applied, None where the server applies its own. `notes` tell what a server can't do.
    """

    form: PromptForm
    texts: Mapping[str, str]
    stop_texts: tuple[str, ...]
    template: PromptTemplate | None = None
    notes: tuple[str, ...] = ()

    def protocol_name(self, protocol: SamplingProtocol) -> str:
        """The name of the protocol, or of the one that the endpoint decided."""
        if protocol.name != "auto":
            return protocol.name
        return "completion" if self.form == "continuation" else "instruct"


def server_prompts(settings: SampleSettings, protocol: SamplingProtocol, problems: Iterable[Problem]) -> ServerPrompts:
    """The prompts for the endpoint that is used.

    Raises:
        UsageError: the endpoint can't serve the protocol or the template.
    """
    return (_messages if settings.endpoint == "chat" else _completed)(settings, protocol, tuple(problems))


def _messages(settings: SampleSettings, protocol: SamplingProtocol, problems: tuple[Problem, ...]) -> ServerPrompts:
    if settings.template != "auto":
        raise UsageError("A chat server applies its own template.", "Omit --template, or use --endpoint completions.")
    if protocol.is_framed:
        raise UsageError(
            f"The protocol {protocol.name} has its own prompt, which a chat server would put into its template.",
            "--endpoint completions, or another --protocol",
        )
    if protocol.from_model:
        raise UsageError("A server's model has no generation_config.json here.", "Omit --protocol.")
    begun = ("Warning: a chat server takes no start of an answer, which this protocol has",)
    texts = {p.task_id: _message(p, protocol) for p in problems}
    stops = default_stop_texts("instruction", protocol) if settings.stop is None else settings.stop
    return ServerPrompts("instruction", texts, stops, notes=begun if protocol.answer_start else ())


def _message(problem: Problem, protocol: SamplingProtocol) -> str:
    """The whole question as one message: the instruction, and what follows it."""
    text = prompt_text(problem, "instruction", protocol)
    return f"{text}\n\n{problem.input}" if problem.input else text


def _completed(settings: SampleSettings, protocol: SamplingProtocol, problems: tuple[Problem, ...]) -> ServerPrompts:
    if settings.chat_template_kwargs:
        raise UsageError("A completed text has no chat template.", "Omit --chat-template-kwargs, or --endpoint chat.")
    if protocol.from_model:
        raise UsageError("A server's model has no generation_config.json here.", "Omit --protocol.")
    template = _named(settings.template, protocol)
    form: PromptForm = "continuation" if template is RAW and protocol.continuation is not None else "instruction"
    begun = protocol.answer_start if form == "instruction" else ""
    texts = {p.task_id: rendered(template, prompt_text(p, form, protocol), p.input) + begun for p in problems}
    ends = (template.stop,) if template.stop else ()
    stops = (*ends, *(default_stop_texts(form, protocol) if settings.stop is None else settings.stop))
    return ServerPrompts(form, texts, stops, template)


def _named(choice: str, protocol: SamplingProtocol) -> PromptTemplate:
    """The template that coma applies to a text: none unless one is named."""
    if protocol.is_framed or (choice == "auto" and protocol.continuation is not None):
        if choice not in ("auto", RAW.name):
            raise UsageError(f"The protocol {protocol.name} has its own prompt.", "Omit --template.")
        return RAW
    found = next((template for template in TEMPLATES if template.name == choice), None)
    if found is not None:
        return found
    if (file := file_of_template(choice)) is not None:
        return template_from_file(file)
    raise UsageError(
        f"An instruction needs a template that coma can apply without the model's tokenizer, not {choice}.",
        f"--template {' or '.join(template.name for template in TEMPLATES)}, or a Jinja file; or --endpoint chat",
    )
