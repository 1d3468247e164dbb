"""How many tokens a text is for a remote model: an upper bound (for reservations) and an estimate.

The bound counts every byte as a token: each token of a byte-level vocabulary covers at least one byte, so it holds for
all of them, even if a server has another model behind a well-known name. Estimates use the model's vocabulary if
tiktoken has it on this machine; nothing is downloaded for counting.
"""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Bytes of English text and code per token; measured values are between 3.2 and 4.2, Chinese is near 2.5.
BYTES_PER_TOKEN = 3.4
# Overhead of the chat format. OpenAI's own count is 3 per message and 3 per reply (openai-cookbook, "How to count
# tokens with tiktoken"); templates of other models add up to about four times as much.
TOKENS_PER_MESSAGE = 12
TOKENS_PER_CHAT = 32


@dataclass(frozen=True)
class TokenCounter:
    """Counts the tokens of prompts for one model; `vocabulary` is the model's own, if it is on this machine."""

    vocabulary: Any | None

    @classmethod
    def of(cls, model: str) -> "TokenCounter":
        """The counter for a model, with its vocabulary read from tiktoken's cache if it is there."""
        return cls(local_vocabulary(model))

    @property
    def exact(self) -> bool:
        """Whether the model's own vocabulary is there."""
        return self.vocabulary is not None

    def about(self, text: str) -> int:
        """The tokens of a text: counted, or estimated from its bytes."""
        if self.vocabulary is not None:
            return len(self.vocabulary.encode(text, disallowed_special=()))
        return round(len(_utf8(text)) / BYTES_PER_TOKEN)

    def at_most(self, messages: Sequence[str]) -> int:
        """An upper bound on the tokens of a chat prompt with these messages, whichever model really answers."""
        content = sum(len(_utf8(message)) for message in messages)
        return content + TOKENS_PER_MESSAGE * len(messages) + TOKENS_PER_CHAT


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")


def local_vocabulary(model: str) -> Any | None:
    """The encoding for a model if its file is in tiktoken's cache, else None."""
    try:
        import tiktoken
        from tiktoken.model import encoding_name_for_model

        name = encoding_name_for_model(model)
    except (ImportError, KeyError):
        return None
    file = f"https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"
    cached = _cache_folder() / hashlib.sha1(file.encode(), usedforsecurity=False).hexdigest()
    if not cached.is_file():
        return None
    try:
        return tiktoken.get_encoding(name)
    except (OSError, ValueError):  # a corrupt cache file, which tiktoken then tries to download
        return None


def _cache_folder() -> Path:
    """The cache folder of tiktoken (`tiktoken/load.py`, read_file_cached)."""
    named = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    return Path(named) if named else Path(tempfile.gettempdir()) / "data-gym-cache"
