"""Strips comment markers and markup from comments, leaving plain paragraphs for `documentation` to read."""

import html
import inspect
import re
import textwrap

from coma_cli.languages import LANGUAGES

_BLOCK = re.compile(r"\s*/\*[*!]*<?(?P<text>.*?)\**\*/\s*", re.DOTALL)
_RUBY_BLOCK = re.compile(r"\s*=begin\b[^\n]*\n(?P<text>.*?)\n=end\b\s*", re.DOTALL)
_LINE_SIGN = re.compile(r"[ \t]*(?://[/!]*<?|\#+!?) ?")
_STAR = re.compile(r"^[ \t]*\*+(?!\*)[ \t]?", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*[-=*#~_/+<>.\\|]{3,}[ \t]*$", re.MULTILINE)
# Directives to tools and markers such as regions: nothing about the function.
_FOR_TOOLS = re.compile(
    r"^[ \t]*(?:go:\w+|nolint\b|\+build\b|eslint|jshint|jslint|istanbul|@ts-|prettier-|tslint|rubocop:|:nodoc:|NOLINT"
    r"|clang-format|phpcs:|@codingStandards|\#?(?:end)?region\b|\#?pragma\b|TODO\b|FIXME\b|XXX\b|HACK\b|frozen_string"
    r"|-\*-).*$",
    re.MULTILINE | re.IGNORECASE,
)
_LICENCE = re.compile(
    r"\bcopyright\b|\(c\)\s*\d{4}|SPDX-License|\blicen[cs]ed under\b|all rights reserved", re.IGNORECASE
)

# Tags that only introduce the text, and tags that may precede it and say nothing about the function.
_SAYS = re.compile(r"^[ \t]*[@\\](?:brief|short|details?|description|desc|summary)\b[ \t]*", re.MULTILINE)
_NAMING = re.compile(
    r"[ \t]*[@\\](?:name|method|function|func|fn|class|constructor|memberof!?|member|api|public|private|protected"
    r"|static|internal|async|export|exports|module|namespace|ngdoc|kind|override|hidden|ignore|template|overload|!group"
    r"|!visibility|abstract|virtual|final|access|group|ingroup|callback|typedef|alias|instance|inner|this|lends"
    r"|category)\b.*",
    re.IGNORECASE,
)
# Doxygen commands that may occur anywhere in a line and end its text.
_WITHIN = re.compile(r"[ \t]+(?=[@\\](?:returns?|results?|params?|retval|throws?|see|sa|note|since|warning)\b)")
_COMMAND = re.compile(r"^[ \t]*\\(?=[a-z])")  # Doxygen accepts both `\` and `@`
_INHERITED = re.compile(r"\{@inheritdoc\}|@inheritdoc\b|<inheritdoc[^>]*/?>|\{@see [^}]*\}", re.IGNORECASE)
_INLINE = re.compile(r"\{@(?:link|linkplain|code|literal|value|see|snippet|systemProperty)\s+(?P<what>[^{}]*)\}")
_LINKED = re.compile(r"[\w.#:/-]+(?:\([^)]*\))?[ \t|]+(?P<label>\S.*)", re.DOTALL)
_MARKED = re.compile(r"[@\\](?:p|c|a|e|em|b|ref|link|endlink|code|endcode)\b[ \t]+(?=\S)")
_REFERENCE = re.compile(r'<(?:see|seealso|paramref|typeparamref)\b[^>]*?="(?:[A-Z]:)?(?P<what>[^"]*)"[^>]*?/>')
_XML_SUMMARY = re.compile(r"<summary>(?P<summary>.*?)</summary>", re.DOTALL)
_XML_REMARKS = re.compile(r"<remarks>(?P<remarks>.*?)</remarks>", re.DOTALL)
_SHOWN = re.compile(
    r"<pre\b.*|<(?:ul|ol|dl|table|img)\b.*|^[ \t]*```.*|^[ \t]*~~~.*", re.DOTALL | re.IGNORECASE | re.MULTILINE
)
_BREAK = re.compile(r"</?(?:p|br|para|h[1-6]|div)\b[^>]*>", re.IGNORECASE)
_CODED = re.compile(r"<(?P<tag>code|tt|kbd|c)>(?P<what>[^<]*)</(?P=tag)>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][\w-]*(?:\s+[\w:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))*\s*/?>")
_HEADING = re.compile(r"^[ \t]*(?:#{1,6}|={1,6})[ \t]+\S.*", re.DOTALL | re.MULTILINE)
_RUST_LINK = re.compile(r"\[(?P<what>`[^`\]]+`|[^\[\]]+)\](?:\([^)\s]*\)|\[[^\]]*\])?")
_DEPRECATED = re.compile(r"^[ \t]*(?:Deprecated:|@deprecated|Since:|\\since).*", re.DOTALL | re.MULTILINE)
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&nbsp;": " ", "&#64;": "@", "&mdash;": "-"}
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]\w{1,30});", re.IGNORECASE)
_CALL_SEQUENCE = re.compile(r"^[ \t]*call-seq:.*?(?:\n[ \t]*\n|\Z)", re.DOTALL | re.MULTILINE | re.IGNORECASE)
_CODE_LINE = re.compile(
    r"[;{}]\s*$|^\s*(?:return|if|for|while|var|let|const|import|#include)\b.*[;{(:]\s*$|^\s*[\w.]+\(.*\)\s*$"
)


def without_markup(comment: str, language: str) -> str:
    """The text of a comment in plain paragraphs; "" for a licence, commented-out code or a directive to tools."""
    known = LANGUAGES.get(language)
    text = _RULE.sub("", _bare(comment, known.line_comment if known is not None else ""))
    text = _FOR_TOOLS.sub("", text)
    if _LICENCE.search(text) or _is_code(text):
        return ""
    text = _INHERITED.sub("", text)
    match known.markup if known is not None else "plain":
        case "xml":
            text = _xml_prose(text)
        case "rdoc":
            text = re.sub(r"\+([\w.:#?!]+)\+", r"`\1`", _CALL_SEQUENCE.sub("", text))
        case "rustdoc":
            text = _RUST_LINK.sub(lambda match: match["what"], text)
    return _unmarked(_DEPRECATED.sub("", text))


def _bare(comment: str, line_comment: str) -> str:
    """The lines of a comment at the margin, without comment markers; indented examples stay indented.

    `line_comment` is what begins a comment of the language, besides `//` and `#`.
    """
    block = _BLOCK.fullmatch(comment) or _RUBY_BLOCK.fullmatch(comment)
    if block:
        return _block_text(block["text"])
    if comment.lstrip().startswith("/*"):  # truncated by upstream, or several comments
        return _block_text(re.sub(r"/\*+|\*+/", "", comment))
    lines = comment.split("\n")
    sign = re.compile(rf"[ \t]*(?:{re.escape(line_comment)})+ ?") if line_comment else _LINE_SIGN
    if comment.strip() and all(sign.match(line) for line in lines if line.strip()):
        return textwrap.dedent("\n".join(sign.sub("", line, count=1) for line in lines))
    return inspect.cleandoc(comment)


def _block_text(text: str) -> str:
    first, _, rest = text.partition("\n")
    if all(line.lstrip().startswith("*") for line in rest.split("\n") if line.strip()):
        return f"{first.strip()}\n{_STAR.sub('', rest)}"
    return inspect.cleandoc(text)


def _is_code(text: str) -> bool:
    """Whether most lines of a comment look like commented-out statements."""
    lines = [line for line in text.split("\n") if line.strip()]
    return sum(bool(_CODE_LINE.search(line)) for line in lines) * 2 > len(lines)


def _xml_prose(text: str) -> str:
    """Summary and remarks of C# documentation; text without tags is returned unchanged."""
    text = _REFERENCE.sub(lambda match: f"`{match['what'].rpartition('.')[2]}`", text)
    summary = _XML_SUMMARY.search(text)
    if summary is None:
        return text.partition("<param")[0].partition("<returns")[0]
    remarks = _XML_REMARKS.search(text)
    return f"{summary['summary'].strip()}\n\n{remarks['remarks'] if remarks else ''}"


def _unmarked(text: str) -> str:
    """A text without the inline tags and HTML of Javadoc, JSDoc, PHPDoc and Doxygen; it ends before an example."""
    text = _INLINE.sub(_inline, text)
    text = _SAYS.sub("", _WITHIN.sub("\n", _from_the_first_words(text)))
    text = _BREAK.sub("\n\n", _CODED.sub(r"`\g<what>`", _SHOWN.sub("", text)))
    text = _TAG.sub("", _MARKED.sub("", _HEADING.sub("", text)))
    for entity, sign in _ENTITIES.items():
        text = text.replace(entity, sign)
    text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    return "\n".join(_COMMAND.sub("@", line).rstrip() for line in text.split("\n"))


def _from_the_first_words(text: str) -> str:
    """A text without leading tags that only name or classify the function, or any tags before its description."""
    said = _SAYS.search(text)
    if said and all(line.lstrip()[:1] in ("@", "\\", "") for line in text[: said.start()].split("\n")):
        return text[said.start() :]
    lines = text.split("\n")
    while lines and (not lines[0].strip() or _NAMING.fullmatch(lines[0])):
        lines.pop(0)
    return "\n".join(lines)


def _inline(match: re.Match[str]) -> str:
    what = " ".join(match["what"].split())
    linked = _LINKED.fullmatch(what)
    is_link = "link" in match[0][:8]
    return linked["label"] if is_link and linked else f"`{what.strip('#').replace('#', '.')}`"
