"""How EvalPlus compares an answer with the reference's, as source code that runs with the tests.

Source: evalplus 0.3.1, `eval/__init__.py` (`unsafe_execute`, `is_floats`) and `eval/_special_oracle.py`:

* an answer that equals the reference's is right;
* if `atol` is not 0, or the expected answer is a float or a list or tuple of floats (then with 1e-6, from that input
  on), a close answer is right too: it has the same type and length, and each number is within
  `atol + 1e-7 * |expected|`; infinities must be equal, and nothing is close to NaN;
* some tasks have several right answers, and rules of their own (`ORACLES`).

One difference: where the arguments decide what is right, they are copied first, so a program can't change the verdict
by modifying them.
"""

# Entry point -> rule; the names are unique within a benchmark.
HUMANEVAL_ORACLES = {"find_zero": "root"}
MBPP_ORACLES = {
    "are_equivalent": "any",
    "sum_div": "or zero",
    "surface_Area": "surface",
    "digit_distance_nums": "digits",
    **dict.fromkeys(
        (
            "similar_elements",
            "find_char_long",
            "common_in_nested_lists",
            "extract_singly",
            "larg_nnum",
            "intersection_array",
            "find_dissimilar",
            "Diff",
        ),
        "set",
    ),
    **dict.fromkeys(("check_str", "text_match_three", "text_starta_endb"), "whether"),
}

_CHECK = """
def _coma_check(call, inputs, expected, atol, oracle):
    def is_floats(value):
        if isinstance(value, float):
            return True
        return isinstance(value, (list, tuple)) and len(value) > 0 and all(isinstance(part, float) for part in value)

    def near(out, exp):
        if isinstance(exp, (list, tuple)):
            alike = isinstance(out, (list, tuple)) and len(out) == len(exp)
            return alike and all(near(one, other) for one, other in zip(out, exp))
        if out == exp:
            return True
        try:
            return abs(exp) != float("inf") and abs(out - exp) <= atol + 1e-07 * abs(exp)
        except TypeError:
            return False

    def by_oracle(given, out, exp):
        if oracle == "any":
            return True
        if oracle == "or zero":
            return out == exp or out == 0
        if oracle == "set":
            return set(out) == set(exp)
        if oracle == "whether":
            return out == exp if isinstance(out, bool) else exp == (out is not None)
        if oracle == "surface":
            base, height = given
            slant = ((base / 2) ** 2 + height ** 2) ** 0.5
            return out == exp or abs(out - round(base ** 2 + 2 * base * slant)) <= atol
        if oracle == "digits":
            one, other = str(given[0]), str(given[1])
            width = max(len(one), len(other))
            return out == exp or out == sum(abs(int(a) - int(b)) for a, b in zip(one.zfill(width), other.zfill(width)))
        return out == exp

    assert len(inputs) == len(expected), "the expected answers are of other inputs"
    for place, (arguments, exp) in enumerate(zip(inputs, expected)):
        given = [list(part) if isinstance(part, list) else part for part in arguments] if oracle else arguments
        out = call(*arguments)
        if oracle == "root":
            value = sum(factor * float(out) ** power for power, factor in enumerate(given[0]))
            assert abs(value) <= atol, f"input {place}: {value} at {out}, not 0"
            continue
        exact = by_oracle(given, out, exp)
        if atol == 0 and is_floats(exp):
            atol = 1e-6
        if not exact and atol != 0 and type(out) is type(exp):
            exact = near(out, exp)
        assert exact, f"input {place}: {repr(out)[:40]}, not {repr(exp)[:40]}"
"""


def check_source(entry_point: str, atol: float, oracle: str) -> str:
    """Tests that compare `entry_point` with `_coma_expected()` on `_coma_inputs()`, both defined before them."""
    return f"{_CHECK}\n\n_coma_check({entry_point}, _coma_inputs(), _coma_expected(), {atol!r}, {oracle!r})\n"


def accepts_what_equals(tests: str) -> bool:
    """Whether these tests, of `check_source`, accept every answer that equals the expected one; most rules don't."""
    return tests.startswith(_CHECK) and tests.endswith(", '')\n")
