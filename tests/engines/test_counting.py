"""Token counts: the bound is a bound, whatever the vocabulary; nothing is fetched."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.engines.counting import TokenCounter, local_vocabulary
from tests.requirements import package, skip_unless

TEXTS = st.lists(st.text(), min_size=1, max_size=3)


@given(TEXTS)
def test_without_a_vocabulary_every_byte_may_be_a_token(texts):
    counter = TokenCounter.of("a-model-that-nobody-knows")
    assert not counter.exact
    assert counter.at_most(texts) > sum(len(text.encode("utf-8", "replace")) for text in texts)


@given(TEXTS)
def test_the_bound_is_never_below_the_estimate(texts):
    counter = TokenCounter.of("a-model-that-nobody-knows")
    assert counter.at_most(texts) >= sum(counter.about(text) for text in texts)


@pytest.fixture(scope="module")
def byte_level():
    package("tokenizers", "train")
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(["def f(x):\n    return x\n"] * 50, trainer)
    return tokenizer


@given(text=st.text(max_size=200))
def test_the_bound_holds_for_a_real_byte_level_vocabulary(byte_level, text):
    assert len(byte_level.encode(text).ids) <= TokenCounter.of("unknown").at_most([text])


def test_an_empty_cache_means_no_vocabulary_and_no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("counting went to the network"))
    assert local_vocabulary("gpt-3.5-turbo") is None
    assert local_vocabulary("no-such-model") is None


def test_with_the_vocabulary_counts_are_exact():
    counter = TokenCounter.of("gpt-3.5-turbo")
    skip_unless("tiktoken-vocabulary", counter.exact, "tiktoken has no vocabulary in its cache")
    assert counter.about("hello world") == 2
    assert counter.at_most(["hello world"]) >= 2
