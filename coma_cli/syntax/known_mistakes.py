"""Mistakes that a text shows: code that is never reached, reading on at the end of a file, an object that is null."""

import ast
import re
from itertools import pairwise

from coma_cli.languages import python_tree
from coma_cli.syntax.once_used_names import unused_in_go
from coma_cli.syntax.python_trees import statements_of
from coma_cli.syntax.trees import sound_tree, walk
from coma_cli.words import name_set

# Source: the comp.lang.c FAQ, questions 12.2 (feof is true only after a read has failed) and 12.1 (EOF is an int).
_READS_TOO_LONG = re.compile(r"\bwhile\s*\(\s*!\s*(?:feof\s*\(\s*\w+\s*\)|\w+\s*\.\s*eof\s*\(\s*\))\s*\)")
_CHARACTER = re.compile(r"\bchar\s+(\w+)\s*;")
_NULL = re.compile(r"\b[A-Z]\w*(?:<[^;()]*>)?\s+(\w+)\s*=\s*null\s*;")
_GO_VARIABLE = re.compile(r"(?<![\w,.])(\w+)\s*:=")
_STATEMENTS = name_set("local_variable_declaration expression_statement for_statement if_statement")
_LEAVES = name_set("return_statement throw_statement continue_statement break_statement")
_BLOCKS = name_set("block compound_statement statement_block")
# What may follow a return: comments, labels, and functions, which JavaScript and PHP define before anything runs.
_MAY_FOLLOW = name_set(
    "comment line_comment block_comment function_declaration function_definition generator_function_declaration "
    "class_declaration labeled_statement local_function_statement empty_statement"
)


def known_mistake(language: str, code: str) -> str | None:
    """The first mistake that is found in code, in words; None if there is none."""
    found = None
    if language in ("c", "cpp"):
        found = _reading_past_the_end(code)
    elif language in ("java", "csharp"):
        found = _use_of_null(code)
    elif language == "go":
        unused = min(unused_in_go(code), default=None) or _hidden_package(code)
        found = None if unused is None else f"{unused} is not used, or hides a package"
    if found is None and language == "java" and _has_stray_statement(code):
        found = "statements beside a class"
    return found or unreachable(language, code)


def _reading_past_the_end(code: str) -> str | None:
    found = _READS_TOO_LONG.search(code)
    if found is not None:
        return f"{found.group()} reads once too often"
    for name in _CHARACTER.findall(code):
        if re.search(rf"\b{name}\s*=\s*f?getc(?:har)?\s*\([^()]*\)\s*\)\s*!=\s*EOF", code):
            return f"{name} is a char, which can't hold EOF"
    return None


def _use_of_null(code: str) -> str | None:
    for found in _NULL.finditer(code):
        used = re.search(rf"\b{found[1]}\s*(=(?!=)|\.|!=|==)", code[found.end() :])
        if used is not None and used[1] == ".":
            return f"{found[1]} is null"
    return None


def _hidden_package(code: str) -> str | None:
    """A variable in Go with the name of a package, of which the code takes a type after that."""
    for found in _GO_VARIABLE.finditer(code):
        if f'/{found[1]}"' in code and re.search(rf"\b{found[1]}\.[A-Z]\w*\{{", code[found.end() :]):
            return found[1]
    return None


def _has_stray_statement(code: str) -> bool:
    """Whether a file of Java has a class and, beside it, a statement, which belongs in a method."""
    tree = sound_tree("java", code) if "class " in code else None
    if tree is None or tree.root.type != "program":
        return False
    kinds = {node.type for node in tree.root.children}
    return "class_declaration" in kinds and bool(kinds & _STATEMENTS)


def unreachable(language: str, code: str) -> str | None:
    """The first line that is never run, as it follows a return or the like in its block; None if there is none."""
    number = _after_return(code) if language == "python" else _after_leaving(language, code)
    return None if number is None else code.split("\n")[number].strip()


def _after_return(code: str) -> int | None:
    tree = python_tree(code) if any(word in code for word in ("return", "raise", "break", "continue")) else None
    for node in statements_of(tree) if tree is not None else ():
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            for before, after in pairwise(block) if isinstance(block, list) else ():
                if isinstance(before, (ast.Return, ast.Raise, ast.Continue, ast.Break)) and not _makes_generator(after):
                    return int(after.lineno) - 1
    return None


def _makes_generator(node: ast.stmt) -> bool:
    """Whether a statement only makes its function a generator, which is done on purpose."""
    return isinstance(node, ast.Expr) and isinstance(node.value, (ast.Yield, ast.YieldFrom))


def _after_leaving(language: str, code: str) -> int | None:
    if not any(word in code for word in ("return", "throw", "break", "continue")):
        return None
    tree = sound_tree(language, code)
    if tree is None:
        return None
    for block in walk(tree.root):
        if block.type in _BLOCKS:
            statements = [child for child in block.named_children if child.type not in _MAY_FOLLOW]
            for before, after in pairwise(statements):
                if before.type in _LEAVES:
                    return max(after.start_point[0] - tree.first_row, 0)
    return None
