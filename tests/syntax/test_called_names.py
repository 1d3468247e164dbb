import pytest

from coma_cli.syntax.called_names import called_names, shared_calls

COPY = """void copy(File a) {
    FileChannel in = open(a); in.transferTo(0, out); // x.never()
    log.info("b.not()"); new Box(a);
}"""


def test_methods_that_are_called_on_objects_and_classes_count():
    assert called_names(COPY) == {"FileChannel", "transferTo", "info", "Box"}


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        (COPY, COPY, 1),
        (COPY, "f() { x.a(); x.b(); x.c(); x.d(); }", 0),
        (COPY, "f() { in.transferTo(out); new Box(1); x.c(); x.d(); x.e(); }", 0.5),
        (COPY, "int sum(int[] v) { int s = 0; for (int x : v) s += x; return s; }", 1),  # it calls nothing
    ],
)
def test_the_share_is_of_the_smaller_set(first, second, share):
    assert shared_calls(first, second) == share
    assert shared_calls(second, first) == share
