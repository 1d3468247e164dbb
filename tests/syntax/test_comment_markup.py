# ruff: noqa: E501
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.syntax.documentation import Prose, prose_of
from coma_cli.syntax.trees import PARSED_LANGUAGES

CASES = [
    ("java", "/** Adds up. */", "Adds up."),
    ("java", "/**\n * Adds\n * up.\n *\n * @param x a number\n * @return the sum\n */", "Adds up."),
    ("java", "/**\n * Adds {@link Item#price prices} of {@code x} and {@link Cart#sum}.\n */", "Adds prices of `x` and `Cart.sum`."),
    ("java", "/** Adds up.<p>More of it. */", "Adds up.\nMore of it."),
    ("java", "/** Adds <b>all</b> of <code>x</code> &amp; more. <pre>add(1)</pre> */", "Adds all of `x` & more."),
    ("java", "/* Adds up. */", "Adds up."),
    ("java", "Adds up.\n@param x a number", "Adds up."),
    ("java", "/** {@inheritDoc} */", None),
    ("java", "/** @return the sum of all */", None),
    ("javascript", "/**\n * @method add\n * @description Adds up.\n * @param {number} x\n */", "Adds up."),
    ("javascript", "/**\n * @private\n * Adds up.\n */", "Adds up."),
    ("javascript", "// Adds\n// up.", "Adds up."),
    ("javascript", "// eslint-disable-next-line complexity", None),
    ("javascript", "// const x = 1;\n// add(x);", None),
    ("javascript", "/**\n * Adds up.\n *\n * ```js\n * add(1)\n * ```\n */", "Adds up."),
    ("typescript", "/** Adds up. @see other */", "Adds up."),
    ("go", "// Add adds up.\n//\n// It is slow.\n//\n// Deprecated: use Sum.", "Add adds up.\nIt is slow."),
    ("go", "// Add adds up.\n//go:noinline", "Add adds up."),
    ("go", "// Add adds up.\n//\n//\tx := Add(1)\n", "Add adds up."),
    ("ruby", "# Adds +x+ to @sum.\n#\n# @param x [Integer]\n# @return [Integer]", "Adds `x` to @sum."),
    ("ruby", "# call-seq:\n#   add(x) -> sum\n#\n# Adds up.", "Adds up."),
    ("ruby", "=begin\nAdds up.\n=end", "Adds up."),
    ("ruby", "# :nodoc:", None),
    ("rust", "/// Adds up, see [`Item`] and [the book](https://x.y).\n///\n/// # Panics\n///\n/// Never.", "Adds up, see `Item` and the book."),
    ("rust", "/// Adds up.\n/// ```\n/// add(1);\n/// ```", "Adds up."),
    ("php", "/**\n * Adds up.\n *\n * @param int $x\n */", "Adds up."),
    ("php", "# Adds up.", "Adds up."),
    ("c", "/*! \\brief Adds up.\n *\n * Keeps \\p x.\n * \\param x it\n */", "Adds up.\nKeeps x."),
    ("c", "/**\n * @brief Adds up. @return the sum\n */", "Adds up."),
    ("c", "/*\n * ====================\n * Adds up.\n * ====================\n */", "Adds up."),
    ("c", "/* Copyright (c) 2020 Somebody */", None),
    ("c", "//---------------", None),
    ("cpp", "/// Adds up.\n/// \\tparam T a type", "Adds up."),
    ("cpp", "//! Adds up.", "Adds up."),
    ("csharp", "/// <summary>\n/// Adds up <paramref name=\"x\"/>.\n/// </summary>\n/// <param name=\"x\">it</param>", "Adds up `x`."),
    ("csharp", "/// <inheritdoc/>", None),
    ("csharp", "/// <summary>Adds up.</summary><remarks>It is slow.</remarks>", "Adds up.\nIt is slow."),
]  # fmt: skip


@pytest.mark.parametrize(("language", "comment", "description"), CASES)
def test_a_comment_gives_its_prose(language, comment, description):
    prose = prose_of(comment, language)
    assert (prose.description if prose else None) == description


@pytest.mark.parametrize(("language", "comment", "description"), CASES)
def test_windows_line_ends_give_the_same(language, comment, description):
    assert prose_of(comment.replace("\n", "\r\n"), language) == prose_of(comment, language)


def test_chinese_prose_is_kept():
    assert prose_of("/**\n * 返回两个数的和。\n * @param x 数\n */", "java") == Prose(
        "返回两个数的和。", "返回两个数的和。"
    )


@given(st.sampled_from(PARSED_LANGUAGES), st.text("ab /*#<>@\\{}\n.:-`+=[]()", max_size=120))
def test_any_comment_gives_prose_of_single_lines_or_none(language, comment):
    prose = prose_of(comment, language)
    if prose is not None:
        assert prose.summary.strip()
        assert prose.description.split("\n")[0] == prose.summary
