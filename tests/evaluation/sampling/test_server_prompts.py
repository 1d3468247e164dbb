"""What a server gets: messages for its own template, whole texts for its completions endpoint, and what it can't do."""

import pytest

from coma_cli.errors import CliError
from coma_cli.prompting import ALPACA, CHATML, prompt_text
from tests.chat_server import serving
from tests.evaluation.sampler import Sampler, rows_of


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture
def sampler(tmp_path, server) -> Sampler:
    return Sampler(tmp_path / "w", model="m", limit=1, n=1, runtime__base_url=server.base_url)


def test_a_chat_gets_the_instruction_and_the_variables_of_the_servers_template(sampler, server):
    artifact = sampler(chat_template_kwargs={"enable_thinking": "false"})
    (body,) = server.log.bodies
    (problem,) = sampler.plan().problems
    assert body["messages"] == [{"role": "user", "content": problem.instruction}]
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert (artifact.summary["protocol"], artifact.summary["template"]) == ("instruct", None)


def test_a_text_is_completed_as_it_is(sampler, server):
    artifact = sampler(endpoint="completions")
    (body,) = server.log.bodies
    (problem,) = sampler.plan().problems
    assert body["prompt"] == problem.prompt and "messages" not in body
    assert body["stop"] == list(sampler.plan(endpoint="completions").server.stop_texts) != []
    assert artifact.summary["protocol"] == "completion"
    assert rows_of(artifact)[0].completion.startswith("Answer ")


def test_a_published_prompt_needs_the_completions_endpoint(sampler, server):
    with pytest.raises(CliError, match="has its own prompt") as caught:
        sampler(protocol="capybara-paper", n=1)
    assert "--endpoint completions" in caught.value.hint
    sampler(protocol="capybara-paper", endpoint="completions", n=1)
    assert server.log.bodies[-1]["max_tokens"] == 128


@pytest.mark.parametrize("template", [ALPACA, CHATML])
def test_coma_applies_a_template_that_needs_no_tokenizer(sampler, server, template):
    sampler(protocol="instruct", endpoint="completions", template=template.name)
    (problem,) = sampler.plan().problems
    assert server.log.bodies[-1]["prompt"] == prompt_text(template, problem.instruction)
    assert server.log.bodies[-1].get("stop", []) == ([template.stop] if template.stop else [])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"template": "alpaca"}, "own template"),
        ({"protocol": "generation-config"}, r"no generation_config\.json"),
        ({"protocol": "generation-config", "endpoint": "completions"}, r"no generation_config\.json"),
        ({"protocol": "instruct", "endpoint": "completions"}, "needs a template"),
        ({"protocol": "instruct", "endpoint": "completions", "template": "chat"}, "needs a template"),
        ({"protocol": "coma-paper", "endpoint": "completions", "template": "alpaca"}, "has its own prompt"),
        ({"endpoint": "completions", "chat_template_kwargs": {"a": "1"}}, "no chat template"),
        ({"repetition_penalty": 1.2}, "not in OpenAI's API"),
    ],
)
def test_what_a_server_can_not_do_blocks_the_run(sampler, server, values, message):
    with pytest.raises(CliError, match=message):
        sampler(**values)
    assert server.log.calls == 0


def test_a_template_file_is_applied_to_a_text(sampler, server, tmp_path):
    file = tmp_path / "mine.jinja"
    file.write_text("Q: {{ instruction }}\nA:")
    sampler(protocol="instruct", endpoint="completions", template=str(file))
    assert server.log.bodies[-1]["prompt"].startswith("Q: Complete the Python function")


def test_the_reasoning_that_a_server_reports_is_stored_apart(tmp_path):
    with serving(message={"reasoning_content": "Let me see."}) as server:
        sampler = Sampler(tmp_path / "w", model="m", limit=1, n=1, runtime__base_url=server.base_url)
        (row,) = rows_of(sampler())
        assert (row.reasoning, row.reasoning_cut) == ("Let me see.", False)
        assert row.completion.startswith("Answer ") and row.finish_reason == "eos"


def test_reasoning_without_content_is_truncated_loudly(tmp_path, capsys):
    with serving(message={"reasoning": "Let me", "content": None}, finish_reason="length") as server:
        sampler = Sampler(tmp_path / "w", model="m", limit=1, n=2, temperature=0.5, runtime__base_url=server.base_url)
        artifact = sampler()
        assert [(row.completion, row.reasoning_cut) for row in rows_of(artifact)] == [("", True)] * 2
        assert (artifact.summary["truncated_share"], artifact.summary["reasoning_cut"]) == (1, 2)
        assert "2 completions of 2 ended within the reasoning part" in capsys.readouterr().err


def test_null_content_is_an_empty_completion_that_is_counted(tmp_path, capsys):
    with serving(message={"content": None}) as server:
        sampler = Sampler(tmp_path / "w", model="m", limit=1, n=1, runtime__base_url=server.base_url)
        artifact = sampler()
        assert artifact.summary["empty_completions"] == 1
        assert "1 completion of 1 has no text" in capsys.readouterr().err
