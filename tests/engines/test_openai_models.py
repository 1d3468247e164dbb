"""What a server says about a model: its stable part, and nothing where it says nothing."""

import pytest

from coma_cli.engines.chat import Connection
from coma_cli.engines.openai_models import described_model, shutdown_note, today, why_shut_down
from coma_cli.models.prices import REMOTE_MODELS
from tests.chat_server import serving


def ask(server, model="m"):
    return described_model(model, server.base_url, Connection(base_url=server.base_url))


def test_what_changes_from_start_to_start_does_not_count():
    entry = {
        "id": "m",
        "created": 5,
        "object": "model",
        "permission": [{"id": "p-1"}],
        "owned_by": "vllm",
        "root": "/x",
    }
    with serving(models=[{"id": "n"}, entry]) as server:
        assert ask(server) == {"id": "m", "owned_by": "vllm", "root": "/x"}
        assert ask(server, "gone") is None


@pytest.mark.parametrize("models", [None, [{"no": "id"}], ["text"], []])
def test_a_server_without_such_an_entry_says_nothing(models):
    with serving(models=models) as server:
        assert ask(server) is None


def test_a_server_that_is_down_says_nothing():
    with serving() as server:
        url = server.base_url
    assert described_model("m", url, Connection(base_url=url)) is None
    assert described_model("m", None, Connection()) is None


@pytest.mark.parametrize("model", ["gpt-3.5-turbo", "gpt-3.5-turbo-0125"])
def test_a_model_that_openai_shut_down_is_refused_with_its_successor_from_that_day_on(model):
    assert why_shut_down(model, None, "2026-10-22") is None
    gone = why_shut_down(model, None, "2026-10-23")
    assert gone.message == f"OpenAI shut {model} down on 2026-10-23."
    assert gone.hint == f"--model gpt-5.6-terra, or --base-url URL of a server that has {model}"
    assert today() > "2026-10-23" and why_shut_down(model, None, today()) is not None


def test_other_servers_may_have_it_and_other_models_are_served():
    assert why_shut_down("gpt-3.5-turbo", "http://localhost/v1", "2027-01-01") is None
    assert why_shut_down("gpt-4o", None, "2027-01-01") is None
    assert why_shut_down("mine", None, "2027-01-01") is None


def test_every_successor_is_in_the_table_and_served():
    shut = [model for model in REMOTE_MODELS.values() if model.shut_down]
    assert shut and all(not REMOTE_MODELS[model.successor].shut_down for model in shut)


def test_the_day_that_a_server_names_is_said():
    with serving(models=[{"id": "m", "shutdown_date": "2027-03-01"}]) as server:
        assert shutdown_note("m", ask(server)) == "The server shuts m down on 2027-03-01."
    assert shutdown_note("m", None) is None and shutdown_note("m", {"shutdown_date": 5}) is None
