import json

import pytest

from coma_cli.catalog.licences.detection import folder_licences, is_licence_file, licence_of_texts, stated_licence
from coma_cli.catalog.licences.headers import file_licence
from coma_cli.catalog.licences.kinds import allows
from coma_cli.catalog.sources.repository.code_files import decode, language_of
from tests.catalog.licences.texts import APACHE, BSD3, GPL, MIT, MIT_TERMS
from tests.requirements import ROOT, SHARED, shared_data

PLANTED = SHARED / "planted" / "licences"
NO = "unknown (no licence file)"
PYPROJECT = '[project]\nname = "x"\nlicense = {text = "Apache-2.0"}\n'
REUSE = """version = 1
[[annotations]]
path = "src/**"
SPDX-License-Identifier = "MIT"
[[annotations]]
path = ["src/parts/*.py"]
SPDX-License-Identifier = ["GPL-2.0-only"]
"""


def class_of(licence):
    """The classes of the planted folders; for coma, `no` and `unknown` are both never permissive."""
    if allows("permissive", licence):
        return "permissive"
    return "copyleft" if allows("non-commercial-ok", licence) else "withheld"


def test_the_planted_folders_have_the_licences_that_a_reader_gives_them():
    shared_data()
    folders = sorted(path.parent for path in PLANTED.glob("*/expected.json"))
    assert len(folders) == 33
    wrong = {}
    for folder in folders:
        wanted = json.loads((folder / "expected.json").read_text())
        name = wanted["file"]
        text = decode(name, (folder / name).read_bytes())
        licence = file_licence(language_of(name, text), text) or folder_licences(folder, [name])[name]
        expected = {"no": "withheld", "unknown": "withheld"}.get(wanted["want"], wanted["want"])
        if class_of(licence) != expected:
            wrong[folder.name] = licence
    assert wrong == {}


@pytest.mark.parametrize(
    ("files", "licence"),
    [
        ({}, NO),
        ({"LICENSE": MIT}, "MIT"),
        ({"LICENSE.txt": "All rights reserved."}, "unknown (LICENSE.txt)"),
        ({"LICENSE": MIT.replace("\n", "\r\n")}, "MIT"),
        ({"LICENSE": "<!--\n" + MIT.replace("\n", "\n  ~ ") + "\n-->"}, "MIT"),
        ({"LICENSE.md": "SPDX-License-Identifier: MIT -->"}, "MIT"),
        ({"LICENSE": f"The tool may call programs under the GNU GPL, version 3.\n\n{MIT}"}, "MIT"),
        ({"LICENSE": f"{MIT}\nCommercial use requires a written agreement; non-commercial use is free."}, "no"),
        ({"LICENSE": f'"Commons Clause" License Condition\n\n{APACHE}'}, "no"),
        ({"LICENSE": f"ACME LICENCE\n\nThis code is confidential. One part is under these terms:\n\n{MIT}"}, "no"),
        ({"LICENSE": "Business Source License 1.1\nChange License: Apache License, Version 2.0"}, "BUSL-1.1"),
        ({"LICENSE.md": "Functional Source License, Version 1.1, MIT Future License"}, "FSL-1.1-MIT"),
        ({"COPYING": GPL, "COPYING.LESSER": "GNU LESSER GENERAL PUBLIC LICENSE Version 3"}, "LGPL-3.0"),
        ({"LICENSE-APACHE": APACHE, "LICENSE-MIT": MIT}, "Apache-2.0 OR MIT"),
        (
            {"LICENSE": "Under either of LICENSE.APACHE or LICENSE.MIT.", "LICENSE.APACHE": APACHE, "LICENSE.MIT": MIT},
            "Apache-2.0 OR MIT",
        ),
        ({"GPL-LICENSE.txt": GPL, "MIT-LICENSE.txt": MIT}, "GPL-3.0 AND MIT"),
        ({"LICENSE": GPL, "LICENSE-THIRD-PARTY.txt": MIT}, "GPL-3.0"),
        ({"COPYING": GPL, "LICENSE": MIT}, "GPL-3.0 AND MIT"),
        ({"LICENSE": APACHE, "LICENSE-docs": "CC BY-NC 4.0"}, "Apache-2.0"),
        ({"LICENSE": "Released under the MIT license, see https://opensource.org/licenses/MIT"}, "MIT"),
        ({"LICENSE": "Creative Commons Attribution-NonCommercial 4.0 International"}, "CC-BY-NC-4.0"),
        ({"LICENSES/MIT.txt": MIT}, "MIT"),
        ({"LICENSES/MIT.txt": MIT, "LICENSES/GPL-2.0-only.txt": GPL}, "GPL-2.0-only AND MIT"),
        ({"LICENSES/MIT.txt": MIT, "LICENSES/GPL-2.0-only.txt": GPL, "REUSE.toml": REUSE}, "MIT"),
        ({"src/a.py.license": "SPDX-License-Identifier: ISC\n", "LICENSE": GPL}, "ISC"),
        ({"pyproject.toml": PYPROJECT}, "Apache-2.0"),
        ({"pyproject.toml": PYPROJECT, "LICENSE": MIT}, "MIT"),
        ({"package.json": '{"license": "UNLICENSED"}'}, "LicenseRef-proprietary"),
        ({"package.json": '{"license": "(MIT OR GPL-2.0)"}'}, "(MIT OR GPL-2.0)"),
        ({"LICENSE": GPL, "src/package.json": '{"license": "ISC"}'}, "GPL-3.0"),
        ({"LICENSE": MIT, "src/package.json": '{"license": "SEE LICENSE IN X"}'}, "no"),
        ({"Cargo.toml": '[package]\nlicense = "MIT/Apache-2.0"'}, "MIT OR Apache-2.0"),
        ({"setup.py": "setup(name='x', license='BSD')"}, "BSD-3-Clause"),
        ({"README.md": "# x\n\n## License\n\nMIT\n"}, "MIT"),
        ({"README.rst": "x\n=\n\nLicence\n-------\n\nBSD 3-clause, see below.\n\nMore\n----\nGPL\n"}, "BSD-3-Clause"),
        ({"README.md": "# x\n\n## License\n\nMIT, except for the pictures.\n"}, NO),
        ({"README.md": "# x\n\n## License\n\nA BSD-like licence.\n"}, NO),
        ({"README.md": "# x\n\nWorks with MIT and BSD code.\n"}, NO),
    ],
)
def test_a_file_has_the_licence_that_its_repository_states(tmp_path, files, licence):
    for name, text in {**files, "src/a.py": "x = 1\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    (found,) = folder_licences(tmp_path, ["src/a.py"]).values()
    if licence == "no":
        assert class_of(found) == "withheld"
    else:
        assert found == licence


def test_reuse_gives_a_licence_to_each_path(tmp_path):
    (tmp_path / "REUSE.toml").write_text(REUSE)
    found = folder_licences(tmp_path, ["src/a.py", "src/deep/b.py", "src/parts/c.py", "d.py"])
    assert list(found.values()) == ["MIT", "MIT", "GPL-2.0-only", NO]


def test_this_project_has_the_licence_it_states():
    assert stated_licence(ROOT) == "Apache-2.0"


def test_the_nearest_licence_file_counts(tmp_path):
    (tmp_path / "lib" / "deep").mkdir(parents=True)
    (tmp_path / "LICENSE").write_text(APACHE)
    (tmp_path / "lib" / "COPYING").write_text("GNU General Public License Version 2")
    (tmp_path / "lib" / "deep" / "license.py").write_text("def check(): ...")
    assert folder_licences(tmp_path, ["a.py", "lib/b.py", "lib/deep/c.py"]) == {
        "a.py": "Apache-2.0",
        "lib/b.py": "GPL-2.0",
        "lib/deep/c.py": "GPL-2.0",
    }


def test_which_names_are_those_of_licence_files():
    yes = "LICENSE licence.md COPYING COPYING.LESSER LICENSE-MIT LICENSE.APACHE2 MIT-LICENSE.txt LICENSE-APACHE-2.0.txt"
    no = "license.py license-checker.js LICENSE-THIRD-PARTY.txt NOTICE PATENTS licenses.json LICENSE-docs copyings"
    assert [name for name in f"{yes} {no}".split() if is_licence_file(name)] == yes.split()
    assert licence_of_texts({"PATENTS": "A grant."}) is None
    assert licence_of_texts({"LICENSE": MIT_TERMS, "LICENSE.txt": MIT}) == "MIT"
    assert licence_of_texts({"LICENSE": BSD3}) == "BSD-3-Clause"
