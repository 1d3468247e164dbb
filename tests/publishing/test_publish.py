import json
import socket

import pytest

from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.publishing.private_marks import PrivateMark
from coma_cli.publishing.publish import PUBLISHED, Payload, Target, publish, publish_blocker
from tests.hub_repositories import Account, Blob, Fault
from tests.hub_uploads import PART_BYTES, hub_in_use

NAME = "ada/rows"
CARD = "---\nlicense: mit\n---\n# Rows\n"


@pytest.fixture
def hub(monkeypatch):
    with hub_in_use(monkeypatch, lfs_from=800) as hub:
        yield hub


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "run" / "data").mkdir(parents=True)
    (tmp_path / "run" / "README.md").write_text(CARD)
    (tmp_path / "run" / "data" / "train.jsonl").write_text('{"a": 1}\n' * 100)
    (tmp_path / "run" / "plot.png").write_bytes(b"\x89PNG\0\1\2")
    return tmp_path / "run"


def payload(folder):
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return Payload(files, "build-data", "0" * 64, "Rows of a test")


def push(folder, *, name=NAME, private=(), waits=(), **options):
    return publish(Target(name, **options), payload(folder), private, waits_s=waits, sleep=lambda _: None)


def test_a_folder_is_pushed_whole_and_once(hub, folder):
    published = push(folder)
    there = hub.repositories["dataset", NAME]
    files = payload(folder).files
    assert {name: content for name, content in there.files.items() if name in files} == {
        name: path.read_bytes() for name, path in files.items()
    }
    assert {name for name, blob in there.head.files.items() if blob.lfs} == {"data/train.jsonl", "plot.png"}
    assert (there.private, there.head.message) == (False, "Rows of a test")
    assert (published.url, published.commit, published.changed) == (
        f"{hub.address}/datasets/{NAME}",
        there.head.id,
        4,
    )
    assert str(published) == f"Pushed (4 files changed): {published.url}/tree/{published.commit}"
    marker = json.loads(there.files[PUBLISHED])
    assert (marker["command"], sorted(marker["files"])) == ("build-data", sorted(files))
    commits, uploads = len(there.commits), hub.count("PUT /lfs")
    again = push(folder)
    assert (again.commit, again.changed, str(again).split(":")[0]) == (published.commit, 0, "Already published")
    assert (len(there.commits), hub.count("PUT /lfs"), hub.count("POST .*/commit/")) == (commits, uploads, 1)


def test_only_what_differs_is_pushed_and_what_is_gone_is_deleted(hub, folder):
    push(folder)
    there = hub.repositories["dataset", NAME]
    there.add_commit("by hand", {**there.head.files, "notes.md": Blob(b"mine", lfs=False)})
    (folder / "data" / "train.jsonl").rename(folder / "data" / "other.jsonl")
    (folder / "README.md").write_text(CARD + "More.\n")
    uploads = hub.count("PUT /lfs")
    assert push(folder).changed == 4  # the card, the new name, the old name, the list
    assert set(there.files) == {".gitattributes", "README.md", "data/other.jsonl", "plot.png", "notes.md", PUBLISHED}
    assert hub.count("PUT /lfs") == uploads, "the content was there under another name"


def test_large_files_go_in_parts(hub, folder):
    hub.multipart_from = 2 * PART_BYTES
    content = bytes(n * 7 % 251 for n in range(3 * PART_BYTES + 5))
    (folder / "weights.bin").write_bytes(content)
    push(folder, kind="model")
    assert hub.repositories["model", NAME].files["weights.bin"] == content
    assert hub.count(r"PUT /lfs/\w+/part/") == 4 and hub.count("POST /lfs/.*/complete") == 1


def test_a_private_one_stays_private(hub, folder):
    push(folder, private=[])
    hub.repositories.clear()
    publish(Target(NAME, private=True), payload(folder), (), waits_s=())
    assert hub.repositories["dataset", NAME].private
    push(folder)
    assert hub.repositories["dataset", NAME].private
    hub.add("ada/open", {})
    with pytest.raises(UsageError, match="ada/open exists and is public"):
        publish(Target("ada/open", private=True), payload(folder), (), waits_s=())


def test_a_name_that_is_taken_is_refused(hub, folder):
    hub.add("ada/novel", {"chapter.txt": b"It was a dark and stormy night."})
    with pytest.raises(UsageError, match=r"ada/novel is taken: it holds chapter\.txt, which coma did not push\."):
        push(folder, name="ada/novel")
    assert set(hub.repositories["dataset", "ada/novel"].files) == {"chapter.txt"}
    hub.add("ada/fresh", {".gitattributes": b"", "README.md": b"---\nlicense: mit\n---\n"})  # as its pages make one
    assert push(folder, name="ada/fresh").changed == 4


@pytest.mark.parametrize(
    ("token", "name", "kind", "message"),
    [
        (None, NAME, MissingInputError, "There is no token for the Hugging Face Hub."),
        ("hf_expired0", NAME, MissingInputError, "refuses the token: Invalid credentials"),
        ("hf_reader", NAME, MissingInputError, "may not write to ada/rows"),
        ("hf_writer", "eve/rows", MissingInputError, "may not write to eve/rows"),
        ("hf_writer", "eve/secret", MissingInputError, "may not write to eve/secret"),
        ("hf_writer", "lab/hidden", UsageError, "lab/hidden is taken, and this token can't see it."),
    ],
)
def test_what_a_token_may_not_do_is_said(hub, folder, monkeypatch, token, name, kind, message):
    hub.accounts["hf_reader"] = Account("ada", role="read")
    hub.add("eve/secret", {}, private=True)
    hub.faults.append(Fault("POST /api/repos/create", 409, times=9 if name == "lab/hidden" else 0))
    monkeypatch.delenv("HF_TOKEN") if token is None else monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(kind, match=message) as error:
        push(folder, name=name, waits=(1, 2))
    assert token is None or token not in error.value.message + error.value.hint
    assert hub.count("POST .*/commit/") == 0


def test_blockers_are_known_before_the_work_begins(hub, monkeypatch):
    assert publish_blocker(Target(NAME)) is None
    hub.accounts["hf_reader"] = Account("ada", role="read")
    for token, message in (("hf_reader", "can only read"), ("hf_wrong", "refuses the token"), (None, "no token")):
        monkeypatch.delenv("HF_TOKEN") if token is None else monkeypatch.setenv("HF_TOKEN", token)
        assert message in publish_blocker(Target(NAME)).message
    assert hub.count("^(?!GET)") == 0, "nothing was changed"


def test_no_network_and_offline_mode_are_blockers(hub, folder, monkeypatch):
    from huggingface_hub import constants

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        blocker = publish_blocker(Target(NAME))
        assert "can't be reached" in blocker.message and "Without --push-to-hub" in blocker.hint
        with pytest.raises(MissingInputError, match="can't be reached"):
            push(folder)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in publish_blocker(Target(NAME)).message


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET /api/datasets/ada/rows", 500),
        Fault("GET /api/datasets/ada/rows"),
        Fault("POST /api/repos/create", 503),
        Fault("POST /api/repos/create", once_done=True),
        Fault("POST .*/commit/main", 500),
        Fault("POST .*/commit/main", after=100),
        Fault("POST .*/commit/main", once_done=True),
        Fault("POST .*/commit/main", 429, times=2),
    ],
    ids=lambda fault: f"{fault.request.split()[0]}-{fault.status}-{'done' if fault.once_done else fault.after}",
)
def test_what_may_pass_is_tried_again(hub, folder, fault, capsys):
    hub.faults.append(fault)
    slept = []
    published = publish(Target(NAME), payload(folder), (), waits_s=(1, 5, 20), sleep=slept.append)
    there = hub.repositories["dataset", NAME]
    assert there.files["README.md"] == CARD.encode() and published.commit == there.head.id
    assert len(there.commits) == 2, "made once, though the answer was lost"
    assert slept in ([1], [1, 5])
    assert "Trying again in 1 s." in capsys.readouterr().err


def test_an_upload_that_is_cut_is_made_again(hub, folder):
    """By the Hub's client itself, which waits for a second."""
    hub.faults.append(Fault("PUT /lfs", after=40))
    push(folder)
    assert hub.repositories["dataset", NAME].files["data/train.jsonl"] == b'{"a": 1}\n' * 100


def test_what_does_not_pass_ends_in_an_error_and_the_next_run_pushes(hub, folder):
    hub.faults.append(Fault("POST .*/commit/main", 500, times=3))
    with pytest.raises(CliError, match="The Hugging Face Hub answered 500: the server is in trouble") as error:
        push(folder, waits=(1, 2))
    assert "The run is complete" in error.value.hint
    uploads = hub.count("PUT /lfs")
    assert push(folder).changed == 4
    assert hub.count("PUT /lfs") == uploads, "what was uploaded is not uploaded again"


def test_somebody_elses_commit_in_between_is_not_overwritten(hub, folder, monkeypatch):
    push(folder)
    (folder / "README.md").write_text(CARD + "More.\n")
    hub.faults.append(Fault("POST .*/commit/main", 412))
    with pytest.raises(CliError, match="was changed by somebody else meanwhile"):
        push(folder, waits=(1,))


def test_a_card_that_the_hub_refuses_is_named(hub, folder):
    (folder / "README.md").write_text("---\nlicense: My Own\n---\n")
    with pytest.raises(CliError, match=r"refuses the card: .*My Own"):
        push(folder, waits=(1,))
    assert hub.count("PUT /lfs") == 0


def test_nothing_private_leaves_the_machine(hub, folder):
    marks = [PrivateMark("a path of this machine", "/home/ada/work", "/home/ada/work")]
    (folder / "data" / "train.jsonl").write_text('{"a": 1}\n{"a": "/home/ada/work/x.py"}\n')
    with pytest.raises(CliError, match=r"data/train.jsonl, line 2, holds a path of this machine \(/home/ada/work\)"):
        push(folder, private=marks)
    (folder / "data" / "train.jsonl").write_text('{"a": "hf_writer"}\n')
    with pytest.raises(CliError, match="holds a key") as error:
        push(folder, private=marks)
    assert "hf_writer" not in error.value.message
    assert hub.requests == []
