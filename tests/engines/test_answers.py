"""The journal of answers: whole rows only, first answer counts, several writers, claims that die with their process."""

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import threading
import time

import pytest

from coma_cli.engines import answers as module
from coma_cli.engines.answers import ANSWERS_FILE, BROKEN_FILE, Answer, AnswerJournal, request_sha256
from tests.requirements import skip_unless


def an_answer(number: int, text: str = "") -> Answer:
    request = {"model": "m", "messages": [{"role": "user", "content": f"q {number}"}], "seed": number}
    return Answer(
        request_sha256=request_sha256(request),
        request=request,
        text=text or f"a {number}",
        finish_reason="stop",
        prompt_tokens=3,
        completion_tokens=2,
    )


def test_answers_survive_closing(tmp_path):
    with AnswerJournal(tmp_path) as journal:
        for number in range(3):
            journal.append(an_answer(number))
        assert journal.get(an_answer(1).key) == an_answer(1)
    with AnswerJournal(tmp_path) as journal:
        assert len(journal) == 3
        assert journal.get(an_answer(2).key) == an_answer(2)
        assert journal.get(an_answer(9).key) is None


def test_the_first_of_two_answers_counts(tmp_path):
    with AnswerJournal(tmp_path) as journal:
        journal.append(an_answer(1, "first"))
        journal.append(an_answer(1, "second"))
        assert journal.get(an_answer(1).key).text == "first"
    with AnswerJournal(tmp_path) as journal:
        assert journal.get(an_answer(1).key).text == "first"


def test_the_name_of_an_answer_does_not_depend_on_the_order_of_fields():
    assert request_sha256({"a": 1, "b": [2.0]}) == request_sha256({"b": [2.0], "a": 1})
    assert request_sha256({"a": 1}) != request_sha256({"a": 2})


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_tail_is_cut_and_the_rest_stays(tmp_path, cut):
    with AnswerJournal(tmp_path) as journal:
        journal.append(an_answer(1))
        journal.append(an_answer(2))
    path = tmp_path / ANSWERS_FILE
    path.write_bytes(path.read_bytes()[:-cut])
    with AnswerJournal(tmp_path) as journal:
        assert journal.torn_bytes > 0
        assert journal.get(an_answer(1).key) and journal.get(an_answer(2).key) is None
        journal.append(an_answer(3))
    lines = path.read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["a 1", "a 3"]


def test_a_tail_torn_by_another_writer_while_open_is_cut_before_the_next_row(tmp_path):
    with AnswerJournal(tmp_path) as journal:
        journal.append(an_answer(1))
        with (tmp_path / ANSWERS_FILE).open("ab") as other:
            other.write(b'{"torn": "by a killed proc')
        assert journal.get(an_answer(2).key) is None
        journal.append(an_answer(2))
        assert journal.get(an_answer(2).key) == an_answer(2)
    with AnswerJournal(tmp_path, on_corrupt=lambda line: pytest.fail(str(line))) as journal:
        assert len(journal) == 2


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda line: b"not json at all", "not an answer"),
        (lambda line: b'["a", "list"]', "a JSON list"),
        (lambda line: line.replace(b'"prompt_tokens": 3', b'"prompt_tokens": "many"'), "prompt_tokens"),
        (lambda line: line.replace(b'"content": "q 1"', b'"content": "q 7"'), "not the hash of its request"),
        (lambda line: line.replace(b'"schema_version": 1', b'"schema_version": 9'), "schema 9"),
        (lambda line: line[: len(line) // 2] + b"\x00\xff" + line[len(line) // 2 :], "not an answer"),
    ],
)
def test_a_broken_line_is_named_and_left_out(tmp_path, damage, reason):
    with AnswerJournal(tmp_path) as journal:
        for number in range(3):
            journal.append(an_answer(number))
    path = tmp_path / ANSWERS_FILE
    lines = path.read_bytes().splitlines()
    lines[1] = damage(lines[1])
    path.write_bytes(b"\n".join(lines) + b"\n")
    corrupt = []
    with AnswerJournal(tmp_path, on_corrupt=corrupt.append) as journal:
        assert [line.line for line in corrupt] == [2]
        assert reason in corrupt[0].reason and str(path) in str(corrupt[0])
        assert journal.get(an_answer(1).key) is None
        assert journal.get(an_answer(2).key) == an_answer(2)
        journal.append(an_answer(1))
        assert journal.get(an_answer(1).key) == an_answer(1)


def test_a_broken_line_is_reported_once_and_kept_aside(tmp_path):
    with AnswerJournal(tmp_path) as other:
        for number in range(3):
            other.append(an_answer(number))
        path = tmp_path / ANSWERS_FILE
        lines = path.read_bytes().splitlines(keepends=True)
        broken = lines[1][:40] + b"\x00" * (len(lines[1]) - 41) + b"\n"
        with path.open("r+b") as handle:
            handle.seek(len(lines[0]))
            handle.write(broken)
        with AnswerJournal(tmp_path):
            assert other.get(an_answer(2).key) == an_answer(2), "who has read the file goes on reading it"
    assert (tmp_path / BROKEN_FILE).read_bytes() == broken
    with AnswerJournal(tmp_path, on_corrupt=lambda line: pytest.fail(str(line))) as journal:
        assert [journal.get(an_answer(n).key) for n in range(3)] == [an_answer(0), None, an_answer(2)]
    assert (tmp_path / BROKEN_FILE).read_bytes() == broken


def test_an_answer_of_a_newer_coma_stays_where_it_is(tmp_path):
    with AnswerJournal(tmp_path) as journal:
        journal.append(an_answer(1))
    path = tmp_path / ANSWERS_FILE
    path.write_bytes(path.read_bytes().replace(b'"schema_version": 1', b'"schema_version": 2'))
    before, corrupt = path.read_bytes(), []
    for _ in range(2):
        with AnswerJournal(tmp_path, on_corrupt=corrupt.append) as journal:
            assert len(journal) == 0
    assert path.read_bytes() == before
    assert [line.reason for line in corrupt] == ["Answer of schema 2, this coma reads schema 1"] * 2


def test_two_open_journals_see_each_others_answers(tmp_path):
    with AnswerJournal(tmp_path) as one, AnswerJournal(tmp_path) as other:
        one.append(an_answer(1))
        assert other.get(an_answer(1).key) == an_answer(1)
        other.append(an_answer(2))
        assert one.get(an_answer(2).key) == an_answer(2)


def write_many(folder, start):
    with AnswerJournal(folder) as journal:
        for number in range(start, start + 40):
            journal.append(an_answer(number, "x" * (number % 7) * 900 + "."))


def test_writers_in_several_processes_never_mix_their_rows(tmp_path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(tmp_path, 100 * n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
        assert writer.exitcode == 0
    with AnswerJournal(tmp_path, on_corrupt=lambda line: pytest.fail(str(line))) as journal:
        assert len(journal) == 120


def test_writers_in_several_threads_never_mix_their_rows(tmp_path):
    with AnswerJournal(tmp_path) as journal:

        def write(start):
            for number in range(start, start + 30):
                journal.append(an_answer(number))

        threads = [threading.Thread(target=write, args=(100 * n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(journal.get(an_answer(100 * n + i).key) for n in range(4) for i in range(30))


def test_a_claim_is_exclusive_until_released(tmp_path):
    with AnswerJournal(tmp_path) as journal:
        key, other = an_answer(1).key, an_answer(2).key
        assert journal.claim(key)
        assert not journal.claim(key)
        assert journal.claim(other)
        journal.release(key)
        assert journal.claim(key)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 300 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)], capture_output=True)
    skip_unless("mount", mounted.returncode == 0, "this user may not mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_without_room_is_noticed_before_anything_is_paid(small_disk):
    with AnswerJournal(small_disk) as journal:
        journal.require_room(2)
        (small_disk / "filler").write_bytes(b"x" * 200_000)
        with pytest.raises(OSError, match="no space") as caught:
            journal.require_room(2)
        assert caught.value.errno == errno.ENOSPC
        journal.append(an_answer(1))
        assert journal.get(an_answer(1).key) == an_answer(1)


def hold_claim(folder, ready):
    with AnswerJournal(folder) as journal:
        assert journal.claim(an_answer(1).key)
        ready.set()
        time.sleep(60)


def test_a_claim_holds_between_processes_and_dies_with_its_own(tmp_path):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    holder = context.Process(target=hold_claim, args=(tmp_path, ready))
    holder.start()
    try:
        assert ready.wait(20)
        with AnswerJournal(tmp_path) as journal:
            assert not journal.claim(an_answer(1).key)
            assert journal.claim(an_answer(2).key)
            os.kill(holder.pid, signal.SIGKILL)
            holder.join(10)
            assert journal.claim(an_answer(1).key)
    finally:
        holder.kill()
        holder.join(10)


@pytest.fixture
def small(monkeypatch):
    """A journal that reads 200 bytes at a time and indexes 10 answers."""
    monkeypatch.setattr(module, "READ_BLOCK", 200)
    monkeypatch.setattr(module, "INDEX_AT_CLOSE", 10)
    monkeypatch.setattr(module, "INDEX_WHILE_OPEN", 25)


def test_nothing_is_missed_beyond_what_one_read_gives(tmp_path, monkeypatch):
    with AnswerJournal(tmp_path) as journal:
        journal.append_all([an_answer(n, "long " * (n % 90)) for n in range(60)])
    monkeypatch.setattr(module, "READ_BLOCK", 100)
    with AnswerJournal(tmp_path) as journal:
        assert len(journal) == 60 and all(journal.get(an_answer(n).key) for n in range(60))


def test_the_system_reads_less_than_was_asked_for(tmp_path, monkeypatch):
    with AnswerJournal(tmp_path) as journal:
        journal.append_all([an_answer(n) for n in range(60)])
    whole = os.pread
    monkeypatch.setattr(module.os, "pread", lambda file, size, start: whole(file, min(size, 777), start))
    with AnswerJournal(tmp_path) as journal:
        assert len(journal) == 60


def test_with_an_index_only_what_is_new_is_read(tmp_path, small, monkeypatch):
    with AnswerJournal(tmp_path) as journal:
        for n in range(40):
            journal.append(an_answer(n))
    with (tmp_path / ANSWERS_FILE).open("ab") as handle:
        handle.write(b"broken\n")
    read = []
    monkeypatch.setattr(module, "request_sha256", lambda request: (read.append(request), request_sha256(request))[1])
    seen = []
    with AnswerJournal(tmp_path, on_corrupt=seen.append) as journal:
        assert read == [] and [line.line for line in seen] == [41]
        assert len(journal) == 40 and all(journal.get(an_answer(n).key) == an_answer(n) for n in range(40))
        journal.append(an_answer(3, "second"))
        journal.append_all([an_answer(n) for n in range(40, 55)])
        assert journal.get(an_answer(3).key) == an_answer(3) and len(journal) == 55
    with AnswerJournal(tmp_path) as journal:
        assert len(journal) == 55 and journal.get(an_answer(3).key).text == "a 3"


def test_an_indexed_line_that_broke_is_named_and_its_answer_asked_for_again(tmp_path, small):
    with AnswerJournal(tmp_path) as journal:
        journal.append_all([an_answer(n) for n in range(40)])
    path = tmp_path / ANSWERS_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    with path.open("r+b") as handle:
        handle.seek(sum(map(len, lines[:20])) + 5)
        handle.write(b"\x00")
    seen = []
    with AnswerJournal(tmp_path, on_corrupt=seen.append) as journal:
        assert journal.get(an_answer(20).key) is None
        assert [line.line for line in seen] == [21]
        journal.append(an_answer(20))
        assert journal.get(an_answer(20).key) == an_answer(20) and len(journal) == 40


def test_two_processes_with_an_index_see_each_others_answers(tmp_path, small):
    with AnswerJournal(tmp_path) as one, AnswerJournal(tmp_path) as other:
        for n in range(60):
            (one if n % 2 else other).append(an_answer(n))
        assert all(one.get(an_answer(n).key) and other.get(an_answer(n).key) for n in range(60))
    with AnswerJournal(tmp_path) as journal:
        assert len(journal) == 60


def test_without_room_for_an_index_the_journal_still_works(tmp_path, small, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("coma_cli.engines.answer_index.write_atomically", full)
    with AnswerJournal(tmp_path) as journal:
        journal.append_all([an_answer(n) for n in range(40)])
        assert journal.get(an_answer(30).key) == an_answer(30)
    with AnswerJournal(tmp_path) as journal:
        assert len(journal) == 40
