"""llama.cpp's name for how a tokenizer splits text, the kinds of tokens, and the refusal of what it has no name for."""

import json

import pytest

from coma_cli.errors import UsageError
from coma_cli.training.merging.gguf_vocabulary import vocabulary_of
from tests.requirements import smollm2

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}


def described(pre, *, vocab=None, added=(), **model) -> dict:
    return {
        "model": {"type": "BPE", "vocab": vocab or {"a": 0, "b": 1}, "merges": [], **model},
        "pre_tokenizer": pre,
        "added_tokens": list(added),
    }


def split(pattern: str) -> dict:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def sequence(*steps: dict) -> dict:
    return {"type": "Sequence", "pretokenizers": list(steps)}


@pytest.mark.parametrize(
    ("pre", "name"),
    [
        (BYTES, "gpt-2"),
        (sequence({"type": "Digits", "individual_digits": True}, BYTES), "smollm"),
        (sequence(split(rf"{CONTRACTIONS}|\p{{N}}|{REST}"), {**BYTES, "use_regex": False}), "qwen2"),
        (sequence(split(rf"{CONTRACTIONS}|\p{{N}}{{1,3}}|{REST}"), {**BYTES, "use_regex": False}), "llama-bpe"),
    ],
)
def test_the_name_of_a_way_to_split(pre, name):
    assert vocabulary_of(described(pre), 2).pre == name


@pytest.mark.parametrize(
    "pre",
    [
        None,
        {**BYTES, "add_prefix_space": True},
        sequence(split(r"\p{L}+"), {**BYTES, "use_regex": False}),
        {"type": "Whitespace"},
        sequence({"type": "Digits", "individual_digits": False}, BYTES),
    ],
)
def test_other_ways_are_refused(pre):
    with pytest.raises(UsageError, match="no name for"):
        vocabulary_of(described(pre), 2)


def test_kinds_and_rows_without_tokens():
    added = [
        {"id": 2, "content": "<|end|>", "special": True},
        {"id": 3, "content": "<tool>", "special": False},
    ]
    found = vocabulary_of(described(BYTES, added=added), 6)
    assert found.tokens == ["a", "b", "<|end|>", "<tool>", "[PAD4]", "[PAD5]"]
    assert found.kinds == [1, 1, 3, 4, 5, 5]
    with pytest.raises(UsageError, match="has 4 tokens, the model 3 rows"):
        vocabulary_of(described(BYTES, added=added), 3)


def test_pieces_of_sentencepiece_have_scores_in_the_order_of_their_merges():
    vocab = {"<unk>": 0, "<0x0A>": 1, "▁a": 2, "b": 3}
    found = vocabulary_of(described(None, vocab=vocab, byte_fallback=True, unk_token="<unk>"), 4)
    assert (found.model, found.pre, found.kinds) == ("llama", "default", [2, 6, 1, 1])
    assert found.scores == [0.0, 0.0, -2.0, -3.0]


@pytest.mark.slow
@pytest.mark.model
def test_the_tokenizer_of_smollm2():
    smollm2()
    from coma_cli.models.loading import load_tokenizer
    from coma_cli.models.resolution import resolve_base

    tokenizer = load_tokenizer(resolve_base("smollm2-135m"))
    found = vocabulary_of(json.loads(tokenizer.backend_tokenizer.to_str()), len(tokenizer))
    assert found.pre == "smollm"
    assert found.tokens[tokenizer.eos_token_id] == tokenizer.eos_token
    assert found.kinds[tokenizer.eos_token_id] == 3
