"""Writes `published_content.json` from published files: `python -m tests.catalog.benchmarks.published_content_file`.

It knows the benchmarks whose data is at ../shared/data; a release that is there in part gives a part of the digests.
"""

import json
from pathlib import Path

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.catalog.benchmarks.published_content import CONTENT_FILE, content_digest
from tests.requirements import SHARED_DATA

FILES = {
    "humaneval": None,
    "mbpp": "mbpp/mbpp.jsonl",
    "mbpp-sanitized": "mbpp/sanitized-mbpp.json",
    "humaneval+": "evalplus/HumanEvalPlus.jsonl.gz",
    "mbpp+": "evalplus/MbppPlus.jsonl.gz",
}


def content(data: Path) -> dict[str, dict[str, str]]:
    """The digests by benchmark and task id."""
    return {
        name: {p.task_id: content_digest(p) for p in BENCHMARKS[name].load(file and data / file).problems}
        for name, file in FILES.items()
    }


def write(data: Path) -> None:
    """Write the file."""
    CONTENT_FILE.write_text(json.dumps(content(data), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(SHARED_DATA)
