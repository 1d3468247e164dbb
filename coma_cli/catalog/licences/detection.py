"""Detects the licence of a repository or file: an SPDX identifier from its licence file or from a tag in the file."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

UNKNOWN = "unknown"
_FILE_NAMES = re.compile(
    r"(?:licen[cs]e|copying|unlicense)(?:-[\w.+-]*?)?(?:\.(?:txt|md|rst|markdown|html?|mit|bsd|apache2?|lesser|lib|\d))?",
    re.IGNORECASE,
)
_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() -]+)")
# A phrase that a licence's text contains -> its identifier; the first match counts, so specific phrases come first.
PHRASES = (
    ("gnu affero general public license version 3", "AGPL-3.0"),
    ("gnu lesser general public license version 3", "LGPL-3.0"),
    ("gnu lesser general public license version 2.1", "LGPL-2.1"),
    ("gnu general public license version 3", "GPL-3.0"),
    ("gnu general public license version 2", "GPL-2.0"),
    ("python software foundation license", "PSF-2.0"),
    ("apache license version 2.0", "Apache-2.0"),
    ("mozilla public license version 2.0", "MPL-2.0"),
    ("eclipse public license v 2.0", "EPL-2.0"),
    ("boost software license version 1.0", "BSL-1.0"),
    ("creative commons attribution noncommercial 4.0", "CC-BY-NC-4.0"),
    ("creative commons attribution 4.0", "CC-BY-4.0"),
    ("cc0 1.0 universal", "CC0-1.0"),
    ("this is free and unencumbered software released into the public domain", "Unlicense"),
    ("permission to use copy modify and or distribute this software for any purpose with or without fee", "ISC"),
    ("permission is hereby granted free of charge to any person obtaining a copy", "MIT"),
)
_BSD = "redistribution and use in source and binary forms"


def folder_licences(top: Path, names: Iterable[str]) -> dict[str, str]:
    """The licence of each file of a repository: that of the nearest parent folder with a licence file."""
    known: dict[str, str | None] = {}

    def licence_of(folder: str) -> str | None:
        if folder not in known:
            own = stated_licence(top / folder)
            known[folder] = own or (licence_of(folder.rpartition("/")[0]) if folder else None)
        return known[folder]

    return {name: licence_of(name.rpartition("/")[0]) or f"{UNKNOWN} (no licence file)" for name in names}


def stated_licence(folder: Path) -> str | None:
    """The identifier of a folder's own licence file, `unknown (NAME)` if it is not recognized, None without one."""
    try:
        files = sorted(p for p in folder.iterdir() if p.is_file() and is_licence_file(p.name))
    except OSError:
        files = []
    if not files:
        return None
    return licence_of_texts({path.name: path.read_text(encoding="utf-8", errors="replace") for path in files})


def is_licence_file(name: str) -> bool:
    """Whether a file is a licence file, by its name."""
    return _FILE_NAMES.fullmatch(name) is not None


def licence_of_texts(texts: Mapping[str, str]) -> str:
    """The licences in one folder's licence files (texts by file name): identifiers, or `unknown (NAME)`."""
    guesses = [guess_licence(text) for text in texts.values()]
    known = sorted({guess for guess in guesses if guess})
    return " OR ".join(known) if known else f"{UNKNOWN} ({min(texts)})"


def file_licence(text: str) -> str | None:
    """The SPDX tag in the first lines of a source file, or None."""
    tag = _TAG.search(text[:4000])
    return tag.group(1).strip() if tag else None


def guess_licence(text: str) -> str | None:
    """The SPDX identifier of a licence text, or None."""
    tag = file_licence(text)
    if tag:
        return tag
    plain = re.sub(r"[^a-z0-9.]+", " ", text.lower())
    for phrase, identifier in PHRASES:
        if phrase in plain:
            return identifier
    if _BSD in plain:
        return (
            "BSD-3-Clause" if re.search(r"neither the names? of|may not be used to endorse", plain) else "BSD-2-Clause"
        )
    return None
