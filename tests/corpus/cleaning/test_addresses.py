import pytest

from coma_cli.corpus.cleaning.addresses import private_addresses

JANE = "jane.roe+x@mail.corp.io"


def found(text, language="python", is_code=True):
    return [address.text for address in private_addresses(text, language, is_code)]


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "y = x@self.weight.data\nz = q@k.mT\nw = points@matrix.T"),
        ("python", "y = a@b.io\nreturn_value = first@second.name"),
        ("python", 'return f"{user}@{host.name}:/var"'),
        ("python", 're.match(r"([\\w.]+)@([\\w.]+\\.com)", text)'),
        ("python", 's = "\\n@asyncio.coroutine\\ndef f(): pass"'),
        ("ruby", "(1...@items.length).each { |i| p i }"),
        ("csharp", "class A { int b = c.@internal.name; }"),
        ("javascript", 'import x from "react@next.js"; load("lodash@4.17.com");'),
        ("java", '@Override String s() { return "left-pad@registry.npmjs.org"; }'),
        ("sql", "SELECT a@b.io FROM t"),
        ("rust", "fn f() { match n { x@y.io => 1 } }"),
    ],
)
def test_code_is_no_address(language, code):
    assert found(code, language) == []
    assert found(code, language, None) == []


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", f"s = '{JANE}'"),
        ("python", f"def f():\n    '''Written by {JANE}.'''\n    return 1"),
        ("java", f"/** @author {JANE} */\nclass A {{}}"),
        ("javascript", f"const a = `${{x}} {JANE}`;"),
        ("typescript", f"const a: string = '{JANE}';"),
        ("go", f"package x\n// {JANE}\nfunc f() {{}}"),
        ("ruby", f"x = <<~T\n  {JANE}\nT\n"),
        ("php", f"<?php\n$a = '{JANE}';"),
        ("rust", f'fn f() {{ let s = "{JANE}"; }}'),
        ("c", f'char *s = "{JANE}";'),
        ("cpp", f"// {JANE}\nint x;"),
        ("csharp", f'class A {{ string s = @"{JANE}"; }}'),
        ("sql", f"SELECT * FROM t WHERE m = '{JANE}'"),
        ("swift", f'let s = "{JANE}"'),
        ("python", f"def broken(:\n    s = '{JANE}'"),
        ("python", f"x = 'one\\n{JANE}'"),
    ],
)
def test_strings_and_comments_of_each_language_are_text(language, code):
    assert found(code, language) == [JANE]


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (f"Write to {JANE} or <joe@corp.de>.", [JANE, "joe@corp.de"]),
        ("npm install react@next.js lodash@4.17.com", []),
        ("Explain `x@self.weight.data`, and `y = a@b.io`.", []),
        (f"Her address is `{JANE}`.", [JANE]),
        ("result = first@second.io", []),
        ("http://user:key@hub.corp.com/x", []),
        ("a@b.com and c@d.com; my_email@gmail.com", []),
    ],
)
def test_prose_may_hold_code(text, addresses):
    assert found(text, "python", False) == addresses


@pytest.mark.parametrize(
    ("text", "addresses"),
    [(JANE, [JANE]), (f"Name: Jo, Mail: {JANE}", [JANE]), ("y = x@w.io\n", []), (f"f('{JANE}')", [JANE])],
)
def test_a_text_that_may_be_either_is_looked_at(text, addresses):
    assert found(text, "python", None) == addresses
