import pytest

from coma_cli.formats.exponents import has_lost_exponents, with_exponents


@pytest.mark.parametrize(
    ("lost", "restored"),
    [
        ("-231 <= x <= 231 - 1", "-2^31 <= x <= 2^31 - 1"),
        ("在 [−231,  231 − 1] 内", "在 [−2^31,  2^31 − 1] 内"),
        ("1 <= n < 231", "1 <= n < 2^31"),
        ("1 <= n <= 105", "1 <= n <= 10^5"),
        ("-109 <= a[i], b[i] <= 109", "-10^9 <= a[i], b[i] <= 10^9"),
        ("1 <= s.length <= 5 * 104", "1 <= s.length <= 5 * 10^4"),
        ("节点数目范围是 [0, 5 * 104]", "节点数目范围是 [0, 5 * 10^4]"),
        ("最多调用 104 次", "最多调用 10^4 次"),
        ("优于 O(n2) 的算法", "优于 O(n^2) 的算法"),
        ("1 <= k <= n2", "1 <= k <= n^2"),
        ("存在整数 x 使得 n == 3x", "存在整数 x 使得 n == 3^x"),
        ("62 + 82 = 100", "6^2 + 8^2 = 100"),
    ],
)
def test_exponents_come_back_where_they_are_certain(lost, restored):
    assert with_exponents(lost) == restored
    assert with_exponents(restored) == restored


@pytest.mark.parametrize(
    "text",
    [
        "输入：n = 104",
        "62 + 38 = 100",
        "输出：[104,105]",
        "1 <= n <= 100",
        "房间 105",
        "1 <= n <= 1000",
        "231 - 2",
        "x2 > 0",
    ],
)
def test_numbers_stay_where_they_may_be_meant(text):
    assert with_exponents(text) == text


def test_what_can_t_be_restored_is_told():
    assert has_lost_exponents("虚数单位 i，满足 i2 == -1") and has_lost_exponents("该层包含 1~ 2h 个节点")
    assert not has_lost_exponents("1 <= n <= 10^5")
