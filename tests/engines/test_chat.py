"""The protocol as values: what is hashed, and what goes over the wire."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.engines.answers import request_sha256
from coma_cli.engines.chat import Connection, content_of, wire_of
from coma_cli.engines.interface import Decoding, GenerationRequest


def a_request(**changes) -> GenerationRequest:
    fields = {
        "key": "k",
        "decoding": Decoding(0.5, 0.9, 0, 64),
        "seed": 7,
        "instruction": "hello",
        "system": "be brief",
    }
    return GenerationRequest(**{**fields, **changes})


def test_the_wire_says_what_was_asked():
    wire = wire_of(content_of(a_request(stop_texts=("\n\n",)), "m"), Connection())
    assert wire == {
        "model": "m",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 64,
        "stop": ["\n\n"],
        "seed": 7,
    }


def test_fields_that_say_nothing_are_left_out():
    wire = wire_of(content_of(a_request(decoding=Decoding(), system=""), "m"), Connection(send_seed=False))
    assert set(wire) == {"model", "messages", "temperature", "max_tokens"}
    assert len(wire["messages"]) == 1


def test_reasoning_models_get_the_newer_name_of_the_limit():
    assert "max_completion_tokens" in wire_of(content_of(a_request(), "gpt-5-mini-2025-08-07"), Connection())
    assert "max_tokens" in wire_of(content_of(a_request(), "gpt-5-mini"), Connection(limit_field="max_tokens"))


def test_top_k_goes_beside_openais_own_fields():
    wire = wire_of(content_of(a_request(decoding=Decoding(0.5, 1.0, 40, 64)), "m"), Connection())
    assert wire["extra_body"] == {"top_k": 40}


@pytest.mark.parametrize(
    "other",
    [
        {"instruction": "bye"},
        {"system": ""},
        {"seed": 8},
        {"decoding": Decoding(0.6, 0.9, 0, 64)},
        {"decoding": Decoding(0.5, 0.9, 0, 65)},
        {"stop_texts": ("x",)},
    ],
)
def test_all_that_changes_an_answer_changes_its_name(other):
    name = request_sha256(content_of(a_request(), "m"))
    assert name != request_sha256(content_of(a_request(**other), "m"))
    assert name != request_sha256(content_of(a_request(), "m2"))


def test_the_callers_own_key_is_no_part_of_the_name():
    assert content_of(a_request(key="a"), "m") == content_of(a_request(key="b"), "m")


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_can_be_sent(text):
    content = content_of(a_request(instruction=text), "m")
    json.dumps(content, ensure_ascii=False).encode("utf-8")
    assert request_sha256(content)


def test_a_completion_of_a_text_has_a_prompt_and_no_messages():
    wire = wire_of(content_of(a_request(prompt="def f():"), "gpt-5-mini"), Connection())
    assert wire["prompt"] == "def f():" and "messages" not in wire and wire["max_tokens"] == 64


def test_a_server_is_part_of_the_content_only_where_it_is_told():
    assert content_of(a_request(), "m", "a") != content_of(a_request(), "m", "b")
    assert "server" not in content_of(a_request(), "m")
    assert "server" not in wire_of(content_of(a_request(), "m", "a"), Connection())


@pytest.mark.parametrize("field", ["temperature", "top_p", "seed"])
def test_a_field_that_the_server_refuses_is_left_out(field):
    content = content_of(a_request(), "m")
    whole = wire_of(content, Connection())
    assert wire_of(content, Connection(), {field}) == {name: v for name, v in whole.items() if name != field}


@pytest.mark.parametrize(("model", "used", "other"), [("m", "max_tokens", "max_completion_tokens"),
                                                      ("gpt-5", "max_completion_tokens", "max_tokens")])  # fmt: skip
def test_of_the_two_names_of_the_limit_the_other_is_used(model, used, other):
    content = content_of(a_request(), model)
    assert wire_of(content, Connection())[used] == 64
    wire = wire_of(content, Connection(), {used})
    assert wire[other] == 64 and used not in wire


def test_without_a_system_message_its_text_goes_before_the_users():
    wire = wire_of(content_of(a_request(), "m"), Connection(), {"system"})
    assert wire["messages"] == [{"role": "user", "content": "be brief\n\nhello"}]
