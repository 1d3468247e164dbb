"""The protocol as values: what is hashed, what goes over the wire, which replies count."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.engines.answers import request_sha256
from coma_cli.engines.chat import BadReplyError, Connection, content_of, finish_reason, read_reply, wire_of
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


def a_body(**changes) -> dict:
    choice = {"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    return {"model": "m-1", "choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 1}, **changes}


def test_a_reply_is_read():
    reply = read_reply(json.dumps(a_body()).encode())
    assert (reply.text, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens) == ("hi", "stop", 5, 1)
    assert reply.served_by == "m-1"


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -1}, {"prompt_tokens": "5"}, {"prompt_tokens": True}])
def test_counts_that_are_none_are_none(usage):
    reply = read_reply(json.dumps(a_body(usage=usage)).encode())
    assert reply.prompt_tokens is None and reply.completion_tokens is None


def test_a_refusal_field_is_the_text_where_there_is_no_other():
    choice = {"message": {"content": None, "refusal": "I will not."}, "finish_reason": "stop"}
    assert read_reply(json.dumps(a_body(choices=[choice])).encode()).text == "I will not."


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>gateway</html>",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"choices": []}',
        b'{"choices": {}}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": [1]}}]}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_completion_is_refused(body):
    with pytest.raises(BadReplyError):
        read_reply(body)


@given(st.integers(0, 200))
def test_every_torn_body_is_refused(cut):
    body = json.dumps(a_body()).encode()
    with pytest.raises(BadReplyError):
        read_reply(body[: min(cut, len(body) - 1)])


def test_only_the_limit_of_length_is_no_end():
    assert [finish_reason(r) for r in ("stop", "length", "content_filter", "tool_calls")] == [
        "stop",
        "length",
        "stop",
        "stop",
    ]


def test_a_completion_of_a_text_has_a_prompt_and_no_messages():
    wire = wire_of(content_of(a_request(prompt="def f():"), "gpt-5-mini"), Connection())
    assert wire["prompt"] == "def f():" and "messages" not in wire and wire["max_tokens"] == 64
    reply = read_reply(b'{"model": "m", "choices": [{"text": " pass", "finish_reason": "stop"}]}')
    assert (reply.text, reply.served_by) == (" pass", "m")


def test_a_server_is_part_of_the_content_only_where_it_is_told():
    assert content_of(a_request(), "m", "a") != content_of(a_request(), "m", "b")
    assert "server" not in content_of(a_request(), "m")
    assert "server" not in wire_of(content_of(a_request(), "m", "a"), Connection())


def test_what_a_reply_says_beside_its_text():
    body = {
        "choices": [{"message": {"content": "x", "reasoning_content": "hm"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}},
        "system_fingerprint": "fp",
    }
    reply = read_reply(json.dumps(body).encode())
    assert (reply.text, reply.reasoning, reply.reasoning_tokens, reply.system_fingerprint) == ("x", "hm", 4, "fp")


def test_a_stop_without_stop_texts_is_the_models_end():
    assert finish_reason("stop") == "stop"
    assert finish_reason("stop", with_stops=False) == "eos"
    assert finish_reason("tool_calls", with_stops=False) == "stop"
    assert finish_reason("length", with_stops=False) == "length"
