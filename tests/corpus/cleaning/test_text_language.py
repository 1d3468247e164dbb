import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.cleaning.text_language import wrong_language


@pytest.mark.parametrize(
    ("text", "claimed", "fits"),
    [
        ("Return the sum of two numbers.", "en", True),
        ("Sum it.", "en", True),
        ("", "cn", True),
        ("返回两个数的和。", "cn", True),
        ("用 Python 编写 quicksort 函数 sort_list(values)", "cn", True),
        ("Return the sum of two numbers.", "cn", False),
        ("返回两个数的和。", "en", False),
        ("Translate 你好 into English and print the result of it.", "en", True),
        ("Возвращает сумму двух чисел", "en", False),
        ("二つの数の合計をかえすものです", "en", False),
        ("두 수의 합을 반환합니다", "cn", False),
        ("Devuelve la suma de los dos números para una lista que está en el archivo", "en", False),
        ("Gibt die Summe zurück und ist nicht für eine Liste mit dem Wert", "en", False),
        ("Renvoie la somme des valeurs pour une liste qui est dans le fichier", "en", False),
        ("The angle α in radians, with β and γ of the triangle.", "en", True),
        ("Train a naïve Bayes classifier on the résumés.", "en", True),
        ("for x in los: le[x] = van + de", "en", True),
    ],
)
def test_texts(text, claimed, fits):
    assert (wrong_language(text, claimed) is None) is fits


@given(st.text(), st.sampled_from(["en", "cn"]))
def test_any_text_is_judged(text, claimed):
    assert wrong_language(text, claimed) is None or text.strip()
