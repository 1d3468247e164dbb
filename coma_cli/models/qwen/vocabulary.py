"""Makes a fast tokenizer of Qwen's vocabulary of 2023, a file of ranks for tiktoken (`qwen.tiktoken`).

tiktoken joins the two neighbours whose joined bytes have the lowest rank; a BPE of the tokenizers library joins the two
that come first in a list of pairs. The pair of a token is the one that tiktoken itself arrives at just before it makes
this token, and a piece of text that is a token as a whole is looked up at once, as tiktoken does (`ignore_merges`).
Then both give the same tokens. Splitting pattern, normalization (NFC) and special tokens: arXiv 2309.16609,
section 2.2, and tokenization_note.md of QwenLM/Qwen.
"""

import base64
import binascii
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from coma_cli.errors import MissingInputError

FILE = "qwen.tiktoken"
END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL_TOKENS = (END_OF_TEXT, TURN_START, TURN_END, *(f"<|extra_{number}|>" for number in range(205)))
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def read_ranks(path: Path) -> dict[bytes, int]:
    """The tokens of a vocabulary file and their ranks, which are their ids.

    Raises:
        MissingInputError: the file is damaged: lines without token and rank, missing ranks or byte values.
    """
    damaged = MissingInputError(f"{path.name} is not a complete vocabulary.", "Download the model's files again.")
    try:
        lines = [line.split() for line in path.read_bytes().splitlines() if line.strip()]
        ranks = {base64.b64decode(token, validate=True): int(rank) for token, rank in lines}
    except (ValueError, binascii.Error) as error:
        raise damaged from error
    if sorted(ranks.values()) != list(range(len(lines))) or not all(bytes([value]) in ranks for value in range(256)):
        raise damaged
    return ranks


def fast_tokenizer(ranks: Mapping[bytes, int], *, context: int, turns: bool) -> Any:
    """The tokenizer as transformers' fast one; `turns` for a model tuned to chat in ChatML, whose turns end its text.

    The special tokens follow the vocabulary.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    as_text = _byte_characters()
    vocabulary = {_spelled(token, as_text): rank for token, rank in ranks.items()}
    pairs = [pair for token in sorted(ranks, key=ranks.__getitem__) if (pair := _last_pair(ranks, token))]
    merges = [(_spelled(left, as_text), _spelled(right, as_text)) for left, right in pairs]
    raw = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=True))
    raw.normalizer = normalizers.NFC()
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token=TURN_END if turns else END_OF_TEXT,
        pad_token=END_OF_TEXT,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def _last_pair(ranks: Mapping[bytes, int], token: bytes) -> tuple[bytes, bytes] | None:
    """The two parts that are joined last when `token` is made of bytes; None if tiktoken never makes it so."""
    own, parts = ranks[token], [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        joined = [ranks.get(left + right, own) for left, right in pairwise(parts)]
        lowest = min(joined)
        if lowest >= own:
            return None
        place = joined.index(lowest)
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return (parts[0], parts[1]) if len(parts) == 2 else None


def _byte_characters() -> list[str]:
    """One printable character for each byte value, as byte-level tokenizers write them (GPT-2's table)."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(256, 512))
    return [chr(value if value in printable else next(others)) for value in range(256)]


def _spelled(token: bytes, characters: list[str]) -> str:
    return "".join(characters[value] for value in token)
