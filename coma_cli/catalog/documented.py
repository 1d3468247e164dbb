"""A documented function as material, unless its documentation is useless or is repeated in the code."""

from coma_cli.catalog.material import Function
from coma_cli.formats.rejected import Rejected
from coma_cli.records import Origin, TextLanguage
from coma_cli.syntax.documentation import Prose, leaks
from coma_cli.syntax.function import CodeFunction
from coma_cli.words import chinese_share, latin_share, words

_MIN_SUMMARY_WORDS = 3  # as in CodeXGLUE's filter of CodeSearchNet


def documented(function: CodeFunction, prose: Prose | None, licence: str, origin: Origin) -> Function | Rejected:
    """The function as material; `Rejected` for an empty body, no prose, too few words, a text in neither Latin nor
    Chinese characters, and a sentence of the prose that is still in the code.
    """
    reason = refusal(function, prose)
    if reason is not None or prose is None:
        code, detail = reason or ("no-prose", "")
        return Rejected(code, detail, origin, {"code": function.code, "documentation": function.documentation})
    return Function(
        language=function.language,
        name=function.name,
        header=function.header,
        code=function.code,
        summary=prose.summary,
        description=prose.description,
        cuts=function.cuts,
        licence=licence,
        origin=origin,
        text_language=text_language(prose.summary) or "en",
    )


def refusal(function: CodeFunction, prose: Prose | None) -> tuple[str, str] | None:
    """Why a function is rejected, with a detail, or None."""
    if function.empty:
        return "empty-body", ""
    if prose is None:
        return "no-prose", ""
    if len(words(prose.summary)) < _MIN_SUMMARY_WORDS:
        return "too-short", prose.summary
    if text_language(prose.summary) is None:
        return "text-language", ""
    sentence = leaks(prose.description, function.code) or leaks(prose.summary, function.code)
    return ("leaks-answer", sentence) if sentence else None


def text_language(text: str) -> TextLanguage | None:
    """Chinese if a good part of the characters are, else English if most letters are Latin; None for other scripts."""
    if chinese_share(text) >= 0.3:
        return "cn"
    return "en" if latin_share(text) >= 0.7 else None
