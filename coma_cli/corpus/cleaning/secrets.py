"""Secrets in rows: keys and tokens by their issuers' prefixes, private keys, and e-mail addresses.

Addresses of nobody are kept: those of reserved and placeholder domains, and role names like `noreply@` or `git@`.

Sources of the prefixes: the issuers' own documentation, as GitHub's secret scanning lists it (docs.github.com,
"Supported secret scanning patterns"); RFC 2606 for reserved domains.
"""

import re
from typing import NamedTuple


class Secret(NamedTuple):
    """The kind and the place of a secret."""

    kind: str
    start: int
    end: int


# Kind, a string that every such secret contains (looked for first), and the whole pattern.
_KINDS: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("private key", "PRIVATE KEY-----", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]{40,}?(?:-----END|\Z)")),
    ("AWS key", "AKIA", re.compile(r"\bAKIA[0-9A-Z]{16}\b")),
    ("GitHub token", "gh", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b")),
    ("GitHub token", "github_pat_", re.compile(r"\bgithub_pat_\w{22,}\b")),
    ("GitLab token", "glpat-", re.compile(r"\bglpat-[\w-]{20,}")),
    ("Slack token", "xox", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("Google key", "AIza", re.compile(r"\bAIza[\w-]{35}")),
    ("Stripe key", "k_live_", re.compile(r"\b[sr]k_live_[A-Za-z0-9]{16,}\b")),
    ("API key", "sk-", re.compile(r"\bsk-(?:[a-z]+-)*[A-Za-z0-9_]{20,}")),
    ("hub token", "hf_", re.compile(r"\bhf_[A-Za-z0-9]{30,}\b")),
    ("JSON web token", "eyJ", re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
)
_ADDRESS = re.compile(r"(?<![\w.+-])[A-Za-z0-9][\w.+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?![\w@(])")
_NO_PERSON = re.compile(
    r"(?:no-?reply|do-?not-?reply|git|hg|user|username|name|email|mail|you|your\w*|foo|bar|test\w*|someone|somebody"
    r"|info|support|admin|contact|hello|root)[\w.+-]*@"
    r"|.*@(?:[\w-]+\.)*(?:example|test|invalid|domain|email|company|foo|bar|host|server|site|abc|xyz)"
    r"\.(?:com|org|net|edu|tld|co\.\w\w|\w\w)\Z|.*@(?:[\w-]+\.)*(?:example|test|invalid|localhost|local)\Z",
    re.IGNORECASE,
)
_MASKS = {"e-mail address": "name@example.com"}


def secrets_in(text: str) -> list[Secret]:
    """All secrets in a text in order."""
    found = [
        Secret(kind, *match.span()) for kind, mark, whole in _KINDS if mark in text for match in whole.finditer(text)
    ]
    if "@" in text:
        matches = (match for match in _ADDRESS.finditer(text) if not _NO_PERSON.match(match.group()))
        found += [Secret("e-mail address", *match.span()) for match in matches]
    return sorted(found, key=lambda secret: secret.start)


def masked(text: str) -> str:
    """A text with each secret replaced."""
    parts, at = [], 0
    for secret in secrets_in(text):
        if secret.start >= at:
            parts += [text[at : secret.start], _MASKS.get(secret.kind, "REDACTED")]
            at = secret.end
    return "".join((*parts, text[at:])) if parts else text
