import json

import pytest

from tests.requirements import package
from tests.support.command import coma

SECRET = "sk-Zq7xW3vT9pLmN2"


@pytest.mark.slow
def test_everything_is_looked_at_though_something_is_broken_and_no_key_is_shown(tmp_path):
    package("torch", "train")
    (tmp_path / "file").write_text("")
    keys = {"OPENAI_API_KEY": SECRET, "HF_TOKEN": SECRET, "HF_HUB_OFFLINE": "1"}
    done = coma("doctor", "--json", "-w", tmp_path / "file", **keys)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    areas = {"versions", "device", "sandbox", "toolchains", "disk", "keys", "network"}
    assert {one["area"] for one in found["checks"]} == areas
    assert [one["name"] for one in found["checks"] if one["severity"] == "error"] == ["workspace"]
    by_name = {one["name"]: one["data"] for one in found["checks"]}
    assert by_name["dtype speed"]["float32"] > 0
    assert by_name["default of sample"]["dtype"] in ("float32", "bfloat16", "float16")
    assert "1 thing that coma needs is broken" in done.stderr
    assert "should be a folder" in done.stderr
    assert SECRET[3:8] not in done.stdout + done.stderr
