"""The fast tokenizer next to tiktoken, for which the vocabulary was published."""

import random
import unicodedata
from pathlib import Path

import pytest

from coma_cli.errors import MissingInputError
from coma_cli.models.qwen.vocabulary import SPECIAL_TOKENS, fast_tokenizer, read_ranks
from tests.qwen_of_2023 import small_vocabulary
from tests.requirements import ROOT, SHARED, package, skip_unless

# As QwenLM/Qwen's tokenization_qwen.py has it.
PATTERN = (
    r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"""
    r"""| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
ALPHABET = " \n\t\r ab'sSTdef中文你好12.#<|\u00a0é\u0301ſK😀"


class Pair:
    """The fast tokenizer and tiktoken's, of one vocabulary file."""

    def __init__(self, path: Path) -> None:
        import tiktoken

        ranks = read_ranks(path)
        special = {token: len(ranks) + number for number, token in enumerate(SPECIAL_TOKENS)}
        self.fast = fast_tokenizer(ranks, context=8192, turns=False)
        self.theirs = tiktoken.Encoding("qwen", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=special)

    def check(self, text: str) -> None:
        normal = unicodedata.normalize("NFC", text)
        ids = self.fast(text)["input_ids"]
        assert ids == self.theirs.encode(normal, allowed_special="all"), repr(text[:60])
        assert self.fast.decode(ids) == normal


@pytest.fixture(scope="module", params=["small", "real"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    package("transformers", "train")
    path = SHARED / "bases" / "qwen-7b" / "qwen.tiktoken"
    if request.param == "small":
        path = tmp_path_factory.mktemp("vocabulary") / "qwen.tiktoken"
        path.write_bytes(small_vocabulary())
    skip_unless("shared", path.is_file(), "no vocabulary of Qwen-7B in ../shared")
    return Pair(path)


def test_all_byte_values(pair):
    pair.check("".join(map(chr, range(0x300))))
    singles = [pair.theirs.encode_single_token(bytes([value])) for value in range(256)]
    assert singles == pair.fast.convert_tokens_to_ids(pair.fast.convert_ids_to_tokens(singles))
    for first in range(0, 256, 16):  # bytes that are no text
        ids = singles[first : first + 16]
        assert pair.fast.decode(ids) == pair.theirs.decode(ids)


def test_chinese_and_code(pair):
    pair.check("写一个函数，返回两个数的和。\n\n什么是快速排序？（简述）１２３ 《算法》")
    for path in sorted((ROOT / "coma_cli" / "catalog").rglob("*.py")):
        pair.check(path.read_text())


def test_random_texts(pair):
    draw = random.Random(7)
    for _ in range(1500):
        pair.check("".join(draw.choice(ALPHABET) for _ in range(draw.randrange(1, 70))))


def test_special_tokens(pair):
    assert len(pair.fast) == len(read_ids := pair.fast.get_vocab()) == pair.theirs.n_vocab
    for number, token in enumerate(SPECIAL_TOKENS):
        pair.check(f"a {token}b")
        assert read_ids[token] == len(read_ids) - 208 + number
    pair.check("<|im_start|>user\nHi<|im_end|>\n<|extra_204|><|extra_205|><|im_start<|endoftext|>")
    assert (pair.fast.eos_token, pair.fast.pad_token, pair.fast.bos_token) == ("<|endoftext|>", "<|endoftext|>", None)


def test_ids_of_the_published_vocabulary():
    path = SHARED / "bases" / "qwen-7b" / "qwen.tiktoken"
    skip_unless("shared", path.is_file(), "no vocabulary of Qwen-7B in ../shared")
    assert len(read_ranks(path)) == 151643
    assert SPECIAL_TOKENS[:3] == ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    assert SPECIAL_TOKENS[-1] == "<|extra_204|>"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace(b"IQ== 33\n", b""),
        lambda text: text + b"no token\n",
        lambda text: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
        lambda text: b"",
    ],
)
def test_a_damaged_vocabulary_is_named(tmp_path, damage):
    path = tmp_path / "qwen.tiktoken"
    path.write_bytes(damage(small_vocabulary()))
    with pytest.raises(MissingInputError, match="not a complete vocabulary"):
        read_ranks(path)
