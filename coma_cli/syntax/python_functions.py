"""Extracts functions from Python source, with exact positions and the docstring removed.

Positions come from the standard library's `ast`, which counts columns in UTF-8 bytes. Each step that changes text
(dedenting a method, removing a docstring) is checked against the syntax tree, so a function is returned unchanged in
meaning or not at all. Nested functions are ignored: they depend on their context.
"""

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator

from coma_cli.formats.text import unify
from coma_cli.languages import parse_python
from coma_cli.syntax.comments import without_repeats
from coma_cli.syntax.function import CodeFunction

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Raise, ast.Assert, ast.Expr, ast.Delete)
_MIN_CUT_CHARS = 10
_MIN_CUT_NAMES = 2


def decode_python(content: bytes) -> str | None:
    """The text of a Python file in its declared encoding, with LF line ends; None if it can't be decoded."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return None
    return unify(text)


def python_functions(text: str, tree: ast.Module, *, documented_only: bool = False) -> Iterator[CodeFunction]:
    """The module's functions and its classes' methods, in file order."""
    lines = text.split("\n")
    for node, prefix in _functions(tree.body, ""):
        docstring = ast.get_docstring(node, clean=False) or ""
        if docstring.strip() or not documented_only:
            try:
                function = _extract(node, prefix, lines, docstring)
            except RecursionError:  # an expression nested too deeply for Python's stack, such as a very long sum
                function = None
            if function is not None:
                yield function


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[FunctionNode, str]]:
    for node in body:
        if isinstance(node, FunctionNode):
            yield node, prefix
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            for block in _nested_bodies(node):
                yield from _functions(block, prefix)


def _nested_bodies(node: ast.If | ast.Try | ast.With) -> Iterator[list[ast.stmt]]:
    yield node.body
    if isinstance(node, (ast.If, ast.Try)):
        yield node.orelse
    if isinstance(node, ast.Try):
        yield node.finalbody
        yield from (handler.body for handler in node.handlers)


def _extract(node: FunctionNode, prefix: str, lines: list[str], docstring: str) -> CodeFunction | None:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    last = node.end_lineno or node.lineno
    here = lines[first - 1 : last]
    dedented = dedent_function(node, here, first)
    code = "\n".join(dedented).rstrip()
    if docstring.strip():
        code = cut_docstring(dedented, _moved_span(node.body[0], first, here, dedented), len(node.body) == 1)
        code = without_repeats("python", code, docstring)
        node.body = node.body[1:] or [ast.Pass()]
    bare = _only_function(code)
    if bare is None or not same_tree(bare, node):
        return None
    header = header_of(code, bare)
    name = f"{prefix}{node.name}"
    places = tuple(cuts(code, bare))
    return CodeFunction("python", name, header, code, docstring, (first, last), places, _is_empty(bare))


def _moved_span(
    node: ast.stmt, first: int, before: list[str], after: list[str]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The start and end of a statement of the file in the dedented lines."""
    places = ((node.lineno, node.col_offset), (node.end_lineno or node.lineno, node.end_col_offset or 0))
    begin, end = (
        (line - first, column - (len(before[line - first]) - len(after[line - first]))) for line, column in places
    )
    return begin, end


def _only_function(code: str) -> FunctionNode | None:
    tree = parse_python(code)
    only = tree.body[0] if tree is not None and len(tree.body) == 1 else None
    return only if isinstance(only, FunctionNode) else None


def same_tree(one: object, other: object) -> bool:
    """Whether two syntax trees are the same program, ignoring positions."""
    if type(one) is not type(other):
        return False
    if isinstance(one, ast.AST):
        return all(same_tree(getattr(one, name, None), getattr(other, name, None)) for name in one._fields)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_tree, one, other))
    return one == other


def dedent_function(node: FunctionNode, lines: list[str], first: int) -> list[str]:
    """The dedented lines of a function; lines inside string literals keep their indentation.

    `first` is the line number of `lines[0]` in the file from which `node` was parsed.
    """
    margin = leading_whitespace(lines[0])
    if not margin:
        return lines
    inside = {number for start, end in _string_spans(node, lines) for number in range(start + 1, end + 1)}
    return [
        line if first + offset in inside else line[min(margin, leading_whitespace(line)) :]
        for offset, line in enumerate(lines)
    ]


def leading_whitespace(line: str) -> int:
    """How many characters of indentation a line has."""
    return len(line) - len(line.lstrip(" \t\f"))


def _string_spans(node: ast.AST, lines: list[str]) -> Iterator[tuple[int, int]]:
    """The first and last line of each multi-line string, which needs triple quotes or a backslash."""
    if not any('"""' in line or "'''" in line or line.endswith("\\") for line in lines):
        return
    for part in ast.walk(node):
        if isinstance(part, (ast.Constant, ast.JoinedStr)) and part.end_lineno and part.end_lineno > part.lineno:
            yield part.lineno, part.end_lineno


def cut_docstring(lines: list[str], span: tuple[tuple[int, int], tuple[int, int]], alone: bool) -> str:
    """The function without its docstring, which is replaced by `pass` if it is `alone` in the body.

    `span` is the docstring's start and end in `lines`, each as line (from 0) and column in bytes. A comment after the
    docstring is removed with it.
    """
    content = "\n".join(lines).encode("utf-8")
    starts = _line_starts(content)
    begin, end = (starts[line] + column for line, column in span)
    if alone:
        return _joined(content[:begin] + b"pass", content[_line_end(content, end) :])
    behind = re.compile(rb"[ \t]*;[ \t]*(?=[^\s#])").match(content, end)
    if behind:
        return _joined(content[:begin], content[behind.end() :])
    after = content[_line_end(content, end) :].lstrip(b"\n")
    blank = re.compile(rb"(?:[ \t\f]*\n)*").match(after)
    line = content.rfind(b"\n", 0, begin) + 1
    head = content[:line] if not content[line:begin].strip() else content[:begin].rstrip(b" \t") + b"\n"
    return _joined(head, after[blank.end() :] if blank else after)


def _joined(head: bytes, tail: bytes) -> str:
    return (head + tail).decode("utf-8").rstrip()


def _line_end(content: bytes, position: int) -> int:
    end = content.find(b"\n", position)
    return len(content) if end < 0 else end


def _line_starts(content: bytes) -> list[int]:
    return [0, *(match.end() for match in re.finditer(rb"\n", content))]


def header_of(code: str, function: FunctionNode) -> str:
    """The signature with its decorators, up to the colon."""
    content = code.encode("utf-8")
    body = function.body[0]
    first = min([body.lineno, *(decorator.lineno for decorator in getattr(body, "decorator_list", []))])
    column = body.col_offset if first == body.lineno else 0
    head = content[: _line_starts(content)[first - 1] + column].decode("utf-8")
    return head[: _last_colon(head) + 1].rstrip()


def _last_colon(head: str) -> int:
    """The position of the colon that ends a signature: the last one outside comments."""
    starts = [0, *(match.end() for match in re.finditer("\n", head))]
    position = len(head) - 1
    try:
        for token in tokenize.generate_tokens(io.StringIO(f"{head}pass\n").readline):
            if token.type == tokenize.OP and token.string == ":":
                position = starts[token.start[0] - 1] + token.start[1]
    except (tokenize.TokenError, IndentationError):
        pass  # an indented comment before the body; all tokens of the signature have been read
    return position


def cuts(code: str, function: FunctionNode) -> Iterator[tuple[int, int]]:
    """Where completion may cut: non-trivial one-line statements after the body's first statement."""
    content = code.encode("utf-8")
    starts = _line_starts(content)
    statements = sorted(_statements(function.body), key=lambda node: (node.lineno, node.col_offset))
    per_line = Counter(node.lineno for node in statements)
    for node in statements[1:]:
        if not isinstance(node, _SIMPLE) or node.lineno != node.end_lineno or per_line[node.lineno] > 1:
            continue
        begin, end = (starts[node.lineno - 1] + column for column in (node.col_offset, node.end_col_offset or 0))
        if end - begin >= _MIN_CUT_CHARS and _tells_something(node):
            yield len(content[:begin].decode("utf-8")), len(content[:end].decode("utf-8"))


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, name, []))
        for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            yield from _statements(part.body)


def _tells_something(node: ast.stmt) -> bool:
    names = sum(isinstance(part, (ast.Name, ast.Attribute)) for part in ast.walk(node))
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return names >= _MIN_CUT_NAMES and not is_text


def _is_empty(function: FunctionNode) -> bool:
    return all(_says_nothing(node) for node in function.body)


def _says_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Pass):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Raise) and node.exc is not None:
        return any(isinstance(part, ast.Name) and part.id == "NotImplementedError" for part in ast.walk(node.exc))
    return False


def aligned(code: str) -> str:
    """A single function whose first line was dedented, with its body dedented to match.

    A body at eight columns or more below an unindented first line was a method's; it moves to four.
    """
    tree = parse_python(code)
    only = tree.body[0] if tree is not None and tree.body else None
    if not isinstance(only, FunctionNode) or only.col_offset or only.body[0].lineno == only.lineno:
        return code
    shift = only.body[0].col_offset - 4
    lines = code.split("\n")
    inside = {number for start, end in _string_spans(only, lines) for number in range(start + 1, end + 1)}
    if shift < 4 or any("\t" in line[: leading_whitespace(line)] for line in lines):
        return code
    docstring = only.body[0]
    if isinstance(docstring, ast.Expr) and isinstance(docstring.value, ast.Constant):
        inside -= set(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return "\n".join(
        line if number in inside else line[min(shift, leading_whitespace(line)) :]
        for number, line in enumerate(lines, start=1)
    )
