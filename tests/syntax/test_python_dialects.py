import pytest

from coma_cli.syntax.python_dialects import is_python2, without_prompts


@pytest.mark.parametrize(
    ("code", "old"),
    [
        ("print 'x'", True),
        ("import urllib2\nfor link in links:\n    print link", True),
        ("try:\n    f()\nexcept (A, B), error:\n    raise C, 'x'", True),
        ("def f(x):\n\tprint x\n        return 1", True),
        ("def f(c):\n    x = 1\n  print x", False),
        ("def f(c):\nx = 9 / 5\nreturn 0777", False),
        ("if a <> 0777:\n    x = `y`", True),
        ("exec code in names", True),
        ("print('x')", False),
        ("def f(x):\nreturn x", False),
        ("print 'x", False),
        ("for i in range(3)\n    print i", False),
        ("x = = 1", False),
        ("", False),
    ],
)
def test_python_2_parses_but_for_what_has_changed(code, old):
    assert is_python2(code) is old


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (">>> x = [1, 2]\n>>> x[::-1]\n[2, 1]", "x = [1, 2]\nx[::-1]"),
        (">>> def f(x):\n...     return x\n...\n>>> f(1)\n1", "def f(x):\n    return x\n\nf(1)"),
        ("In[16]: f('a', 2)\nOut[16]: 'b'", "f('a', 2)"),
        ("In [1]: import re\n\nIn [2]: re.sub('a', 'b', 'a')\nOut[2]: 'b'", "import re\nre.sub('a', 'b', 'a')"),
        (">>> print 'x'\nx", "print 'x'"),
        (">>> x = (\n1", ">>> x = (\n1"),
        ("x = 1 >> 2", "x = 1 >> 2"),
        ("Type it:\n>>> x = 1", "Type it:\n>>> x = 1"),
    ],
)
def test_a_session_becomes_its_statements(text, code):
    assert without_prompts(text) == code
