import pytest

from coma_cli.catalog.sources.licences import file_licence, guess_licence, repository_licence

MIT = "Permission is hereby granted, free of charge, to any person obtaining\na copy of this software"
BSD3 = "Redistribution and use in source and binary forms, with or without\nmodification. Neither the name of X nor"


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
def test_a_text_gives_its_identifier(text, identifier):
    assert guess_licence(text) == identifier


def test_a_folder_says_what_its_licence_file_says(tmp_path):
    assert repository_licence(tmp_path) == "unknown (no licence file)"
    (tmp_path / "LICENSE.txt").write_text("All rights reserved.")
    assert repository_licence(tmp_path) == "unknown (LICENSE.txt)"
    (tmp_path / "COPYING").write_text(MIT)
    assert repository_licence(tmp_path) == "MIT"
    (tmp_path / "LICENCE-APACHE").write_text("Apache License\nVersion 2.0")
    assert repository_licence(tmp_path) == "Apache-2.0 OR MIT"


def test_this_project_carries_what_it_says():
    from tests.requirements import ROOT

    if (ROOT / "LICENSE").exists():
        assert repository_licence(ROOT) == "Apache-2.0"


def test_a_tag_counts_only_at_the_head_of_a_file():
    assert file_licence("# SPDX-License-Identifier: MIT\n") == "MIT"
    assert file_licence("x" * 5000 + "# SPDX-License-Identifier: MIT\n") is None
