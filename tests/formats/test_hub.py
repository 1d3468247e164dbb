"""What the one client of the Hub says when it can't fetch; fetching itself is in `tests/dataset/test_hub.py`."""

import logging
import os
import subprocess
import sys

import pytest

from coma_cli.errors import MissingPackageError
from coma_cli.formats.hub import CLIENT, HubForm, fetch_file, fetch_source, fetched_source
from tests.requirements import package

FORM = HubForm("owner/rows", "main", ("*.parquet",))
OFFLINE = """
from coma_cli.errors import MissingInputError
from coma_cli.formats.hub import HubForm, fetch_file, fetch_source, fetched_source
form = HubForm("owner/rows", "main", ("*.parquet",))
assert fetched_source(form) is None
for fetch in (lambda: fetch_source(form), lambda: fetch_file("owner/rows", "a.parquet", "main", "Give a file.")):
    try:
        fetch()
    except MissingInputError as error:
        print(error.message.partition(" Hub: ")[0], "|", error.hint)
"""


def test_without_the_client_both_ways_name_the_package_and_another_way(monkeypatch):
    monkeypatch.setitem(sys.modules, CLIENT, None)
    level = logging.getLogger(CLIENT).level
    assert fetched_source(FORM) is None
    with pytest.raises(MissingPackageError) as error:
        fetch_source(FORM)
    assert "owner/rows" in error.value.message and "pip install huggingface_hub, or do" in error.value.hint
    with pytest.raises(MissingPackageError, match=r"a\.parquet of owner/rows from the Hugging Face Hub needs"):
        fetch_file("owner/rows", "a.parquet", "main", "Give a file.")
    assert logging.getLogger(CLIENT).level == level


def test_what_can_not_be_fetched_is_said_in_the_same_words(tmp_path):
    package(CLIENT, "train")
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines() == [
        "owner/rows can't be fetched from the Hugging Face | Use --from-repo stdlib (or a folder of code), or "
        "--sources DIR with files that are already here.",
        "a.parquet of owner/rows can't be fetched from the Hugging Face | Give a file.",
    ]
