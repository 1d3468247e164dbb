import pytest

from coma_cli.corpus.decontamination.candidate_functions import candidates_in
from coma_cli.corpus.decontamination.partial_evidence import PartialEvidence, is_like_reference
from tests.corpus.decontamination.problems import OWN, ZIGZAG, problem

LONG = """def cost(units, region):
    price = 0.0
    for unit in range(units):
        if unit < 50:
            price += 2.5
        elif unit < 100 and region != "north":
            price += 3.75 * 1.1
        else:
            price += 4.125 - unit / 1000
    return round(price * 1.19, 2)
"""


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("Please: whose entries alternate in sign, beginning!", "whose entries alternate in sign beginning"),
        ("add up a list whose entries go on", "add up a list whose entries"),
        ("whose entries alternate with a sign", ""),
        ("beginning with a positive one", ""),
    ],
)
def test_six_words_of_the_text_tell_if_they_are_telling(text, shared):
    assert PartialEvidence.of(OWN.problems).shared_words(text, ZIGZAG) == shared


def test_a_run_that_many_problems_have_tells_nothing():
    text = "find the largest element of every given sequence"
    same = [problem(n, "f", "assert f(1)", "", prompt=f"{text} number {n}") for n in range(3)]
    assert PartialEvidence.of(same[:2]).shared_words(text, same[0])
    assert not PartialEvidence.of(same).shared_words(text, same[0])


def test_most_of_the_reference_tells_if_it_is_long_enough():
    reference = problem(5, "cost", "assert cost(1, 'n')", LONG)
    printed = LONG.replace("    return", "    print(price)\n    return").replace("units", "count").replace("cost", "f")
    other = "def f(count, place):\n    return round(1.19 * sum(2.5 for unit in range(count)), 2)\n"
    (copied,), (own,) = candidates_in([printed]), candidates_in([other])
    assert is_like_reference(copied, reference)
    assert not is_like_reference(own, reference)
    short = problem(6, "add", "assert add(1, 2)", "def add(a, b):\n    return a + b\n")
    (same,) = candidates_in(["def plus(x, y):\n    return x + y\n"])
    assert not is_like_reference(same, short)
