import pytest

from coma_cli.catalog.licences.detection import file_licence, folder_licences, guess_licence, stated_licence
from tests.catalog.licences.texts import BSD3, MIT


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        (MIT, "MIT"),
        (BSD3, "BSD-3-Clause"),
        ("Redistribution and use in source and binary forms are permitted", "BSD-2-Clause"),
        ("                Apache License\n        Version 2.0, January 2004", "Apache-2.0"),
        ("GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007", "GPL-3.0"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3", "AGPL-3.0"),
        ("SPDX-License-Identifier: MPL-2.0\nwhatever", "MPL-2.0"),
        ("All rights reserved.", None),
    ],
)
def test_a_licence_text_gives_its_identifier(text, identifier):
    assert guess_licence(text) == identifier


def test_a_folder_has_the_licence_of_its_licence_file(tmp_path):
    assert folder_licences(tmp_path, ["a.py"]) == {"a.py": "unknown (no licence file)"}
    (tmp_path / "LICENSE.txt").write_text("All rights reserved.")
    assert stated_licence(tmp_path) == "unknown (LICENSE.txt)"
    (tmp_path / "COPYING").write_text(MIT)
    assert stated_licence(tmp_path) == "MIT"
    (tmp_path / "LICENCE-APACHE").write_text("Apache License\nVersion 2.0")
    assert stated_licence(tmp_path) == "Apache-2.0 OR MIT"


def test_this_project_has_the_licence_it_states():
    from tests.requirements import ROOT

    assert stated_licence(ROOT) == "Apache-2.0"


def test_a_tag_counts_only_at_the_head_of_a_file():
    assert file_licence("# SPDX-License-Identifier: MIT\n") == "MIT"
    assert file_licence("x" * 5000 + "# SPDX-License-Identifier: MIT\n") is None


def test_the_nearest_licence_file_counts(tmp_path):
    (tmp_path / "lib" / "deep").mkdir(parents=True)
    (tmp_path / "LICENSE").write_text("Apache License Version 2.0")
    (tmp_path / "lib" / "COPYING").write_text("GNU General Public License Version 2")
    (tmp_path / "lib" / "deep" / "license.py").write_text("def check(): ...")
    assert folder_licences(tmp_path, ["a.py", "lib/b.py", "lib/deep/c.py"]) == {
        "a.py": "Apache-2.0",
        "lib/b.py": "GPL-2.0",
        "lib/deep/c.py": "GPL-2.0",
    }
