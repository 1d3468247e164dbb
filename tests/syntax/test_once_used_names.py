import pytest

from coma_cli.syntax.once_used_names import undeclared, unused_in_go


@pytest.mark.parametrize(
    ("language", "code", "names"),
    [
        ("csharp", "string upper = text.ToUpper();", {"text"}),
        ("csharp", "var found = Items.Where(x => x > 1); Console.WriteLine(found);", set()),
        ("csharp", 'var text = "a"; foreach (var c in text) { Console.Write(c); }', set()),
        ("java", "int n = Integer.parseInt(line);", {"line"}),
        ("java", "void f(String line) { System.out.println(line); }", set()),
        ("php", "echo count($list);", {"$list"}),
        ("php", "foreach ($_POST as $key => $value) { echo $key; }", set()),
        ("php", "echo preg_replace('/a(b)/', '$1', $text = 'ab');", set()),
        ("php", "include 'a.php';\necho $setting;", set()),  # another file may define it
        ("go", "for i, v := range values {\n\tfmt.Println(i, v)\n}", {"values"}),
        ("go", "values := []int{1}\nfmt.Println(len(values), true, nil)", set()),
        ("java", "int = = 1", set()),
    ],
)
def test_variables_that_are_used_once_and_declared_nowhere(language, code, names):
    assert undeclared(language, code) == names


def test_what_gos_compiler_refuses_as_unused():
    head = 'package main\n\nimport (\n\t"fmt"\n\t"os"\n\tlog "example.org/x/v2"\n)\n\n'
    assert unused_in_go(head + 'func main() { fmt.Println("os.Exit") }') == {"os", "log"}
    assert unused_in_go(head + "func main() { a, b := os.Args, 1; log.Print(fmt.Sprint(a)) }") == {"b"}
    assert unused_in_go('a := 1\nimport "os"') == frozenset()  # a piece of a file
