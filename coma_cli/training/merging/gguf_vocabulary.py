"""A tokenizer as a GGUF file describes it: tokens with their kinds, merges or scores, and how text is split before.

llama.cpp has no regular expressions of other people: it knows pre-tokenizers by name. The name is found by what the
tokenizer's own file says; a tokenizer that splits text in a way that llama.cpp has no name for here is refused, because
it would silently give other tokens. Source of the names: llama.cpp, `src/llama-vocab.cpp`, LLAMA_VOCAB_PRE_TYPE_*.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coma_cli.errors import UsageError
from coma_cli.jsonl import read_json

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# Steps of a tokenizer's pre-tokenizer (see `_steps`) and the name of the same in llama.cpp.
_NAMES: dict[tuple[str, ...], str] = {
    ("bytes split",): "gpt-2",
    ("digits", "bytes split"): "smollm",
    (rf"split {_CONTRACTIONS}|\p{{N}}|{_REST}", "bytes"): "qwen2",
    (rf"split {_CONTRACTIONS}|\p{{N}}{{1,3}}|{_REST}", "bytes"): "llama-bpe",
    (
        "split [\r\n]",
        r"split \s?\p{L}+",
        r"split \s?\p{P}+",
        "split [一-龥ࠀ-一가-퟿]+",
        "digits",
        "bytes",
    ): "deepseek-coder",
}
_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
_SENTENCEPIECE = "llama"
# gguf.TokenType
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = 1, 2, 3, 4, 5, 6


@dataclass(frozen=True)
class GgufVocabulary:
    """The tokens by id, their kinds, and scores where merges follow from them; `model` and `pre` are llama.cpp's
    names."""

    model: str
    pre: str
    tokens: list[str]
    kinds: list[int]
    scores: list[float] | None

    def add_to(self, writer: Any) -> None:
        """Write it to a GGUF file; merges and special tokens are separate."""
        writer.add_tokenizer_model(self.model)
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.kinds)
        if self.scores is not None:
            writer.add_token_scores(self.scores)
            writer.add_add_space_prefix(True)


def read_vocabulary(folder: Path, rows: int) -> GgufVocabulary:
    """The vocabulary of the tokenizer in a folder, filled up to the rows of the embeddings with unused tokens.

    Raises:
        UsageError: llama.cpp has no name for how it splits text, or it has more tokens than rows.
    """
    return vocabulary_of(read_json(folder / "tokenizer.json"), rows)


def vocabulary_of(content: dict[str, Any], rows: int) -> GgufVocabulary:
    """As `read_vocabulary`, for the content of `tokenizer.json`."""
    model = content["model"]
    if model.get("type") != "BPE":
        raise _refused(f"a vocabulary of the type {model.get('type')}")
    pieces = bool(model.get("byte_fallback"))
    pre = "default" if pieces else _pre_name(content.get("pre_tokenizer"))
    by_id = {number: token for token, number in model["vocab"].items()}
    added = {entry["id"]: entry for entry in content.get("added_tokens") or ()}
    by_id |= {number: entry["content"] for number, entry in added.items()}
    if by_id and max(by_id) >= rows:
        raise UsageError(
            f"The tokenizer has {max(by_id) + 1:,} tokens, the model {rows:,} rows of embeddings.", "Omit --gguf."
        )
    kinds = [_kind(by_id.get(number), added.get(number), model, pieces=pieces) for number in range(rows)]
    return GgufVocabulary(
        model=_SENTENCEPIECE if pieces else "gpt2",
        pre=pre,
        tokens=[by_id.get(number, f"[PAD{number}]") for number in range(rows)],
        kinds=kinds,
        # SentencePiece joins the pair with the best score; in its own vocabularies later pieces score less.
        scores=[-float(number) if kinds[number] == _NORMAL else 0.0 for number in range(rows)] if pieces else None,
    )


def _kind(token: str | None, added: dict[str, Any] | None, model: dict[str, Any], *, pieces: bool) -> int:
    if token is None:
        return _UNUSED
    if pieces and _BYTE_TOKEN.fullmatch(token):
        return _BYTE
    if pieces and token == model.get("unk_token"):
        return _UNKNOWN
    if added is not None:
        return _CONTROL if added.get("special") else _USER_DEFINED
    return _NORMAL


def _pre_name(described: Any) -> str:
    steps = tuple(_steps(described))
    if steps not in _NAMES:
        raise _refused(f"a pre-tokenizer of its own ({json.dumps(steps, ensure_ascii=False)[:200]})")
    return _NAMES[steps]


def _steps(described: Any) -> list[str]:
    """A pre-tokenizer as the steps that matter: digits apart, a regular expression, bytes with GPT-2's or none."""
    kind = (described or {}).get("type")
    if kind == "Sequence":
        return [step for part in described["pretokenizers"] for step in _steps(part)]
    if kind == "ByteLevel" and not described.get("add_prefix_space"):
        return ["bytes split" if described.get("use_regex", True) else "bytes"]
    if kind == "Digits" and described.get("individual_digits"):
        return ["digits"]
    if kind == "Split" and described.get("behavior") == "Isolated" and not described.get("invert"):
        return [f"split {(described.get('pattern') or {}).get('Regex')}"]
    return [f"{kind}"]


def _refused(what: str) -> UsageError:
    return UsageError(
        f"The tokenizer has {what}, which llama.cpp has no name for: its tokens would be others.",
        "Omit --gguf, and convert the merged model with llama.cpp's own script.",
    )
