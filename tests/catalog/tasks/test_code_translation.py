from tests.catalog.tasks.materials import TRANSLATION, made


def test_golden_translation():
    row = made("code-translation", TRANSLATION)
    assert (row.id, row.language, row.instruction) == (
        "4f647b50cd5f66cc8aa6",
        "java",
        "Convert the Java function below into C#.",
    )
    assert (row.input, row.output) == ("int a() {}", "int A() {}")
