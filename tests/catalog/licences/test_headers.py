import pytest

from coma_cli.catalog.licences.headers import file_licence
from tests.catalog.licences.texts import GPL3_NOTICE, MIT


def commented(text, mark):
    return "".join(f"{mark} {line}".rstrip() + "\n" for line in text.splitlines())


@pytest.mark.parametrize(
    ("language", "text", "licence"),
    [
        ("python", "# SPDX-License-Identifier: MIT\nx = 1\n", "MIT"),
        (
            "c",
            "/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */\nint x;\n",
            "GPL-2.0 WITH Linux-syscall-note",
        ),
        ("java", "/*\n * SPDX-License-Identifier: (MIT OR Apache-2.0)\n */\nclass A {}\n", "(MIT OR Apache-2.0)"),
        ("php", "<?php\n// SPDX-License-Identifier: MIT\n$a = 1;\n", "MIT"),
        ("python", 'HEADER = """\n# SPDX-License-Identifier: GPL-3.0-only\n"""\n', None),
        ("javascript", "const h = `\n// SPDX-License-Identifier: MIT\n`;\n", None),
        ("python", "# Adds the line SPDX-License-Identifier: MIT to files.\nx = 1\n", None),
        ("python", "x = 1\n" * 2000 + "# SPDX-License-Identifier: MIT\n", None),
        ("javascript", commented(GPL3_NOTICE, "//") + "f();\n", "GPL-3.0-or-later"),
        ("ruby", "# frozen_string_literal: true\n\n" + commented(MIT, "#") + "f\n", "MIT"),
        (
            "c",
            "/* Copyright Acme. All rights reserved.\n * Proprietary and confidential.\n */\nint x;\n",
            "LicenseRef-proprietary",
        ),
        ("go", "// Copyright 2020 Acme. All rights reserved.\npackage x\n", None),
        (
            "go",
            "// Copyright The Authors. All rights reserved.\n// Use of this source code is governed by a BSD-style\n"
            "// license that can be found in the LICENSE file.\npackage x\n",
            None,
        ),
        ("javascript", "/**\n * @license MIT\n */\nf();\n", "MIT"),
        ("csharp", "// Licensed under the Apache License, Version 2.0.\nclass A {}\n", "Apache-2.0"),
        (
            "java",
            "/* Released under the terms of the GPL v2 or MIT licence, at your option. */\nclass A {}\n",
            "GPL-2.0 AND MIT",
        ),
        ("python", f'"""A module.\n\n{GPL3_NOTICE}"""\nx = 1\n', "GPL-3.0-or-later"),
        ("python", '"""Licensed under the MIT license."""\nx = 1\n', None),
        ("python", "# Checks whether a licence is valid.\ndef check(): ...\n", None),
        ("python", "# Copyright 2020 A.\n# Masks confidential values; see the licence file.\nx = 1\n", None),
        ("java", "/* Copyright Acme.\n * ACME PROPRIETARY/CONFIDENTIAL.\n */\nclass A {}\n", "LicenseRef-proprietary"),
        ("typescript", "f();\n// Unauthorized copying of this file is prohibited.\n", None),
    ],
)
def test_a_file_states_its_licence_in_the_comments_at_its_head(language, text, licence):
    assert file_licence(language, text) == licence
