"""What a server says about a model: its stable part, and nothing where it says nothing."""

import pytest

from coma_cli.engines.chat import Connection
from coma_cli.engines.openai_models import described_model
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
