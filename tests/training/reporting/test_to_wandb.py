import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.requirements import package
from tests.training.reporting.trackers import reported


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """No key, no settings: as on a machine where nobody has used wandb."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DIR", "WANDB_PROJECT", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"WANDB_ERROR_REPORTING": "false", "WANDB_CONFIG_DIR": str(tmp_path / "config")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tmp_path


def records(content: bytes) -> Iterator[bytes]:
    """The records of a short log in LevelDB's format, as wandb writes it: checksum, length, kind, and the bytes."""
    place, kept = 7, b""  # behind the file's own header
    while place + 7 <= len(content):
        _, length, kind = struct.unpack_from("<IHB", content, place)
        kept += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield kept
            kept = b""


def recorded(folder: Path) -> tuple[str, dict[int, dict[str, float]]]:
    """The id of a run that was recorded offline, and its figures by step."""
    from wandb.proto import wandb_internal_pb2

    (file,) = folder.glob("*.wandb")
    own, rows = "", {}
    for data in records(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        own = record.run.run_id or own
        if record.HasField("history"):
            items = record.history.item
            values = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
            step = record.history.step.num
            rows[step] = {key: value for key, value in values.items() if key.startswith("train")}
    return own, rows


def test_a_key_is_looked_for_where_wandb_looks(at_home, monkeypatch):
    from coma_cli.training.reporting.to_wandb import has_key

    assert not has_key()
    (at_home / "netrc").write_text("machine api.wandb.ai login user password 0123456789\n")
    assert has_key()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert not has_key()
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert has_key()


@pytest.mark.slow
def test_without_a_key_a_run_is_recorded_offline_under_one_id(at_home, capsys):
    package("wandb", "trackers")
    from coma_cli.training.reporting import to_wandb

    first = to_wandb.start(reported(at_home))
    first.log(1, {"train/loss": 2.0})
    first.close("interrupted")
    second = to_wandb.start(reported(at_home, after=1))
    second.log(2, {"train/loss": 1.0})
    second.close("finished")
    folders = sorted((at_home / "finetune" / "run" / "wandb").glob("offline-run-*"))
    ids, rows = zip(*map(recorded, folders), strict=True)
    assert len(set(ids)) == 1 and ids[0] == reported(at_home).earlier_id("wandb")
    assert rows == ({1: {"train/loss": 2.0}}, {2: {"train/loss": 1.0}})
    told = capsys.readouterr().err
    assert f"wandb sync {folders[0]}" in told
    assert not [
        path for path in folders[0].rglob("*") if path.name in ("wandb-metadata.json", "output.log", "requirements.txt")
    ]
