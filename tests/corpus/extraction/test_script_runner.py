"""The runner replaces standard streams and built-ins of its process, so each test runs it in one of its own."""

import json
import subprocess
import sys

import pytest

from coma_cli.corpus.extraction.scripts import callable_script

_ASK = """
import json, sys
asked = json.load(sys.stdin)
told = os.fdopen(os.dup(2), "w")
for given in asked:
    try:
        answer = run(given)
    except BaseException as error:
        answer = {"raised": type(error).__name__}
    told.write(json.dumps(answer) + "\\n")
    told.flush()
"""


def answers(folder, script, *inputs):
    """What a script writes for each input, one after the other in one process without `site`, as in the sandbox."""
    source = callable_script(script, "run") + _ASK
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", source], input=json.dumps(inputs), text=True, capture_output=True,
        cwd=folder, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir())
    return [json.loads(line) for line in done.stderr.splitlines() if line[:1] in '"{']


READERS = {
    "input": "a, b = map(int, input().split())\nprint(a + b)",
    "stdin": "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
    "buffer": "import sys\nsys.stdout.buffer.write(b'%d' % sum(map(int, sys.stdin.buffer.read().split())))",
    "open": "print(sum(map(int, open(0).read().split())))",
    "kept open": "f = open(0)\nclass A: pass\na = A(); a.a = a; a.f = f\nprint(sum(map(int, f.read().split())))",
    "descriptors": "import os\nos.write(1, str(sum(map(int, os.read(0, os.fstat(0).st_size).split()))).encode())",
    "closed": "import os, sys\nprint(sum(map(int, input().split())))\nsys.stdout.flush()\nos.close(0); os.close(1)",
    "stream replaced": "import io, os, sys\nsys.stdin = io.BytesIO(os.read(0, 99))\nsys.stdout = io.TextIOWrapper("
    "sys.stdout.buffer)\nprint(sum(map(int, sys.stdin.readline().split())))",
    "built-in replaced": "import builtins, sys\nbuiltins.print, old = None, print\nbuiltins.sum, s = None, sum\n"
    "old(s(map(int, sys.stdin.read().split())))",
    "main": "def main():\n    print(sum(map(int, input().split())))\n\nif __name__ == '__main__':\n    main()",
    "exit": "print(sum(map(int, input().split())))\nexit()",
    "exit status 0": "import sys\nprint(sum(map(int, input().split())))\nsys.exit(0)",
    "thread": "import threading\nthreading.Thread(target=lambda: print(sum(map(int, input().split())))).start()",
    "exit handler": "import atexit\nx = sum(map(int, input().split()))\natexit.register(lambda: print(x))",
    "deep": "import sys\nsys.setrecursionlimit(10**4)\ndef f(n): return f(n - 1) if n else input()\n"
    "print(sum(map(int, f(3000).split())))",
    "class": "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n"
    "print(P(sum(map(int, input().split()))).x)",
    "global": "def g():\n    global n\n    n = sum(map(int, input().split()))\ng()\nprint(n)",
}  # fmt: skip


@pytest.mark.parametrize("how", READERS)
def test_each_way_to_read_and_write_works_again_and_again(tmp_path, how):
    found = answers(tmp_path, READERS[how], "2 3\n", "10 -3\n", "1 1")
    assert [text.strip() for text in found] == ["5", "7", "2"]


def test_each_run_has_a_namespace_of_its_own(tmp_path):
    script = "try:\n    x\nexcept NameError:\n    print('none')\nx = 1"
    assert answers(tmp_path, script, "", "") == ["none\n", "none\n"]


@pytest.mark.parametrize(
    ("script", "raised"),
    [
        ("print(1)\nraise ValueError", "ValueError"),
        ("import sys\nprint(1)\nsys.exit(3)", "SystemExit"),
        ("import sys\nsys.exit('no')", "SystemExit"),
        ("input()\ninput()", "EOFError"),
        ("def f(): f()\nf()", "RecursionError"),
    ],
)
def test_a_runtime_error_is_one(tmp_path, script, raised):
    assert answers(tmp_path, script, "1\n", "2\n") == [{"raised": raised}] * 2


def test_long_texts_and_any_characters_pass(tmp_path):
    text = "grüße 日本\n" * 100_000
    assert answers(tmp_path, "import sys\nsys.stdout.write(sys.stdin.read())", text) == [text]
    assert answers(tmp_path, "import sys\nsys.stdout.buffer.write(b'\\xff')", "") == ["\ufffd"]


def test_what_is_no_python_is_a_syntax_error():
    with pytest.raises(SyntaxError):
        compile(callable_script("print(", "run"), "script", "exec")
