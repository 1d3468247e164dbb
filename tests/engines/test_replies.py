"""Replies of chat servers: one completion in any form, or the error that it says."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.engines.replies import BadReplyError, ErrorReplyError, finish_reason, message_in, read_reply


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


def test_a_completion_of_a_text_is_read():
    reply = read_reply(b'{"model": "m", "choices": [{"text": " pass", "finish_reason": "stop"}]}')
    assert (reply.text, reply.served_by) == (" pass", "m")


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


@pytest.mark.parametrize("said", ["length", "max_tokens", "MAX_TOKENS", "model_length"])
def test_every_name_of_the_limit_is_the_limit(said):
    assert finish_reason(said) == "length"


@pytest.mark.parametrize(
    ("content", "text", "thought"),
    [
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab", ""),
        ([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}], "a", "hm"),
        (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}],
            "a",
            "hm",
        ),
        ([{"type": "reasoning", "text": "hm"}], "", "hm"),
        (["a", "b"], "ab", ""),
        ([], "", ""),
        (None, "", ""),
    ],
)
def test_content_in_parts_is_text_and_thoughts(content, text, thought):
    reply = read_reply(json.dumps(a_body(choices=[{"message": {"content": content}}])).encode())
    assert (reply.text, reply.reasoning) == (text, thought)


@pytest.mark.parametrize(
    "usage", ["5", 7, [1], {"completion_tokens_details": "x"}, {"completion_tokens_details": None}]
)
def test_usage_of_an_odd_type_does_not_cost_the_answer(usage):
    reply = read_reply(json.dumps(a_body(usage=usage)).encode())
    assert (reply.text, reply.prompt_tokens, reply.reasoning_tokens) == ("hi", None, 0)


@pytest.mark.parametrize(
    ("body", "status", "message", "counted"),
    [
        ({"error": {"message": "slow down", "code": 429}}, 429, "slow down", False),
        ({"error": {"message": "no", "code": "invalid"}}, 500, "no", False),
        ({"error": "overloaded"}, 500, "overloaded", False),
        (
            a_body(choices=[{"message": {"content": None}, "error": {"code": 429, "message": "busy"}}]),
            429,
            "busy",
            True,
        ),
        ({"choices": [{"message": {"content": ""}, "finish_reason": "error"}]}, 500, "", False),
        ({"error": {"message": "x", "code": "503"}, "choices": []}, 503, "x", False),
    ],
)
def test_an_error_in_a_reply_of_success_is_an_error(body, status, message, counted):
    with pytest.raises(ErrorReplyError) as caught:
        read_reply(json.dumps(body).encode())
    assert (caught.value.status, str(caught.value), caught.value.counted) == (status, message, counted)


def test_an_error_that_is_null_is_none():
    assert read_reply(json.dumps(a_body(error=None)).encode()).text == "hi"


def chunk(**delta) -> str:
    return "data: " + json.dumps({"model": "m", "choices": [{"delta": delta}]}) + "\n\n"


USAGE = {"prompt_tokens": 3, "completion_tokens": 2}
END = "data: " + json.dumps({"choices": [{"delta": {}, "finish_reason": "length"}], "usage": USAGE})


def test_a_stream_that_was_not_requested_is_read():
    body = (
        ": a comment\n\n"
        + chunk(role="assistant")
        + chunk(reasoning_content="hm")
        + chunk(content="a\n")
        + chunk(content="b")
    )
    reply = read_reply(f"{body}{END}\n\ndata: [DONE]\n\n".encode())
    assert (reply.text, reply.reasoning, reply.finish_reason, reply.served_by) == ("a\nb", "hm", "length", "m")
    assert (reply.prompt_tokens, reply.completion_tokens) == (3, 2)


def test_a_stream_that_was_cut_is_no_completion():
    with pytest.raises(BadReplyError):
        read_reply((chunk(content="a") + chunk(content="b")).encode())
    with pytest.raises(BadReplyError):
        read_reply((chunk(content="a") + END[:40]).encode())


def test_an_error_in_a_stream_is_one():
    with pytest.raises(ErrorReplyError, match="gone"):
        read_reply((chunk(content="a") + 'data: {"error": {"message": "gone", "code": 502}}\n\n').encode())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "a"}}, "a"),
        ({"error": "a"}, "a"),
        ({"detail": "a"}, "a"),
        (
            {"detail": [{"loc": ["body", "seed"], "msg": "extra fields not permitted"}]},
            "body.seed: extra fields not permitted",
        ),
        ({"message": "a", "code": 3}, "a"),
        ({"object": "error", "message": "a"}, "a"),
        ("plain", "plain"),
        ({}, ""),
        (None, ""),
        ([1], ""),
    ],
)
def test_what_an_error_body_says(body, message):
    assert message_in(body) == message


@given(st.binary(max_size=80), st.sampled_from([b"", b"data: ", b'{"choices": ', b'{"error": ']))
def test_any_bytes_are_a_reply_or_one_of_two_errors(tail, head):
    with contextlib.suppress(BadReplyError, ErrorReplyError):
        assert isinstance(read_reply(head + tail).text, str)
