import pytest

from coma_cli.syntax.missing_headers import with_missing_includes

CPP = "#include <iostream>\nusing namespace std;\nint main() {{ {} cout << 1; }}"


@pytest.mark.parametrize(
    ("language", "code", "added"),
    [
        ("c", '#include <stdio.h>\nint main() { printf("%d", atoi("1") + strlen("a")); }', ["stdlib.h", "string.h"]),
        ("c", '#include <stdio.h>\nint sort_of(int a) { return a; }\nint main() { puts("strlen(a)"); }', []),
        ("c", "#include <stdio.h>\nint abs(int a) { return a < 0 ? -a : a; }\nint main() { return abs(1); }", []),
        ("c", "int n = atoi(text);", []),  # a piece of a program, which includes nothing
        ("cpp", CPP.format("vector<int> v; sort(v.begin(), v.end());"), ["algorithm", "vector"]),
        ("cpp", "#include <map>\nint main() { std::cout << 1; }", ["iostream"]),
        ("cpp", "#include <bits/stdc++.h>\nusing namespace std;\nint main() { vector<int> v; }", []),
        ("cpp", CPP.format("list.sort();"), []),
    ],
)
def test_headers_are_added_behind_the_last_include(language, code, added):
    repaired = with_missing_includes(language, code)
    assert [line for line in repaired.split("\n") if line not in code.split("\n")] == [f"#include <{h}>" for h in added]
    assert repaired.replace("".join(f"\n#include <{h}>" for h in added), "") == code
