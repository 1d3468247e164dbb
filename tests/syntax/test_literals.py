import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.syntax.literals import literal

plain = (
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text()
        | st.binary()
        | st.complex_numbers(allow_nan=False),
        lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
    | st.sets(st.integers())
    | st.frozensets(st.text())
)


@settings(max_examples=200, deadline=None)
@given(plain)
def test_a_literal_evaluates_to_its_value(value):
    again = eval(literal(value))
    assert again == value and type(again) is type(value) and literal(again) == literal(value)
    assert literal(value).isascii()


def test_a_literal_of_a_very_long_number_can_be_read():
    assert eval(literal([10**9000])) == [10**9000]
    assert str(eval(literal(float("nan")))) == "nan"
    with pytest.raises(ValueError, match="written as a literal"):
        literal([object()])
