"""Rows on disk: whole or not there, the last of a key counts, failures are tried again, and order comes at the end."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coma_cli.journal import Journal, content_sha256, natural_order, sort_by_key
from coma_cli.jsonl import read_rows
from coma_cli.records import Sample


def sample(index: int, *, task: str = "T/1", failed: bool = False, completion: str = "x") -> Sample:
    reason = {"finish_reason": "error", "error": "no"} if failed else {"finish_reason": "stop"}
    return Sample(task_id=task, temperature=0.2, index=index, completion=completion, **reason)


def keys(*indices: int) -> set[str]:
    return {sample(index).key for index in indices}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.jsonl"


def test_what_was_written_is_there_when_it_is_opened_again(path):
    with Journal.open(path, Sample) as journal:
        assert len(journal) == 0
        journal.append(sample(0))
        journal.append_all([sample(1), sample(2)])
        assert journal.done == keys(0, 1, 2) and sample(1).key in journal and sample(3).key not in journal
    with Journal.open(path, Sample) as again:
        assert again.done == keys(0, 1, 2) and len(again) == 3
        assert list(again.rows()) == [sample(0), sample(1), sample(2)]


def test_a_failure_is_not_done_until_a_later_row_of_its_key_succeeds(path):
    with Journal.open(path, Sample) as journal:
        journal.append_all([sample(0, failed=True), sample(1)])
        assert (journal.done, journal.failed) == (keys(1), keys(0))
        journal.append(sample(0))
        assert (journal.done, journal.failed) == (keys(0, 1), set())
        journal.append(sample(1, failed=True))
        assert (journal.done, journal.failed) == (keys(0), keys(1))
    with Journal.open(path, Sample) as again:
        assert (again.done, again.failed) == (keys(0), keys(1))


@given(st.integers(0, 10_000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_at_any_byte_holds_the_rows_before_the_cut_and_goes_on(tmp_path_factory, place):
    path = tmp_path_factory.mktemp("cut") / "rows.jsonl"
    with Journal.open(path, Sample) as journal:
        journal.append_all(sample(index) for index in range(5))
    whole = path.read_bytes()
    cut = place % (len(whole) + 1)
    path.write_bytes(whole[:cut])
    left = whole[:cut].count(b"\n")
    with Journal.open(path, Sample) as journal:
        assert journal.done == keys(*range(left))
        assert path.read_bytes() == b"".join(whole.splitlines(keepends=True)[:left])
        journal.append_all(sample(index) for index in range(left, 5))
    assert path.read_bytes() == whole


def test_a_broken_line_is_reported_with_its_place_and_its_row_is_not_done(path):
    with Journal.open(path, Sample) as journal:
        journal.append_all([sample(0), sample(1), sample(2)])
    first, _, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"{broken\n" + last)
    seen = []
    with Journal.open(path, Sample, on_corrupt=seen.append) as journal:
        assert journal.done == keys(0, 2)
        assert [str(corrupt).partition(": ")[0] for corrupt in seen] == [f"{path}:2"]


def test_closing_twice_is_fine_and_nothing_is_written_afterwards(path):
    journal = Journal.open(path, Sample)
    journal.close()
    journal.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        journal.append(sample(0))


def test_numbers_in_keys_are_compared_as_numbers():
    ordered = ["HumanEval/2", "HumanEval/10", "HumanEval/10|0.2|3", "HumanEval/10|0.2|21", "a", "a1", "b"]
    mixed = ordered[:]
    random.Random(0).shuffle(mixed)
    assert sorted(mixed, key=natural_order) == ordered


def test_sorting_leaves_the_last_row_of_each_key_and_counts_them(path):
    rows = [sample(10), sample(2, failed=True), sample(1), sample(2, completion="later")]
    with Journal.open(path, Sample) as journal:
        journal.append_all(rows)
    with path.open("ab") as handle:
        handle.write(b"not a row\n")
    assert sort_by_key(path, Sample) == 3
    kept = list(read_rows(path))
    assert [row["index"] for row in kept] == [1, 2, 10]
    assert kept[1]["completion"] == "later"
    before = path.read_bytes()
    assert sort_by_key(path, Sample) == 3
    assert path.read_bytes() == before


def test_the_hash_of_rows_leaves_out_volatile_fields_and_nothing_else(tmp_path):
    def hashed(name: str, text: str, volatile: frozenset[str]) -> str:
        (tmp_path / name).write_text(text)
        return content_sha256(tmp_path / name, volatile)

    cpu = frozenset({"cpu_s"})
    one = hashed("a", '{"key": 1, "cpu_s": 0.5}\n', cpu)
    assert hashed("b", '{"key": 1, "cpu_s": 7}\n', cpu) == one
    assert hashed("c", '{"key": 2, "cpu_s": 0.5}\n', cpu) != one
    assert hashed("d", '{"key": 1, "cpu_s": 0.5}\n', frozenset()) != hashed(
        "e", '{"key": 1, "cpu_s": 7}\n', frozenset()
    )
