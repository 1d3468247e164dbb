"""Which top-level statements of a program its function needs: demonstrations, tests and leftover words go."""

import ast
import builtins

from coma_cli.corpus.extraction import python_text

# Calls of modules at the top level that set up the interpreter; other calls only show the function at work.
_SETTERS = frozenset(
    "setrecursionlimit stack_size seed filterwarnings simplefilter setcontext setlocale set_int_max_str_digits".split()  # noqa: SIM905
)
_READS_INPUT = frozenset(("input", "raw_input"))
_TALKS = frozenset(("print", "input", "exit", "quit"))


def without_demonstration(source: str, tree: ast.Module, name: str) -> str:
    """A program without the top-level statements that only call, check or print something.

    Kept are definitions, imports, whatever binds or changes a name that kept code reads, and what runs ahead of the
    function with what is defined by then.
    """
    place = max(i for i, s in enumerate(tree.body) if name in python_text.bound_names(s))
    if len(tree.body) == place + 1 and all(map(is_definition, tree.body)):
        return source
    kept = {s for i, s in enumerate(tree.body) if i == place or is_definition(s)}
    others = [s for s in tree.body if s not in kept]
    if others:
        kept |= _needed_of(source, tree, others, kept, name)
    return python_text.without_statements(source, [s for s in tree.body if s not in kept], kept)


def _needed_of(source: str, tree: ast.Module, others: list[ast.stmt], kept: set[ast.stmt], name: str) -> set[ast.stmt]:
    """The statements among `others` that the kept ones need, found until no more are."""
    inner = python_text.global_reads(source)
    order = {statement: number for number, statement in enumerate(tree.body)}
    entry = max(order[s] for s in kept if name in python_text.bound_names(s))
    reads = {name}.union(*inner.values())
    for statement in kept:
        reads |= _reads_at_once(statement)
    modules = {n for s in tree.body if _is_import(s) for n in python_text.bound_names(s)}
    needed: set[ast.stmt] = set()
    while True:
        new = {
            s
            for s in others
            if s not in needed and _serves(s, reads, modules, order[s] < entry, _bound_before(tree, order[s]))
        }
        if not new:
            return needed
        needed |= new
        for statement in new:
            reads |= python_text.used_names(statement)


def _reads_at_once(statement: ast.stmt) -> set[str]:
    if isinstance(statement, python_text.Definition):
        return python_text.outer_reads(statement)
    return python_text.used_names(statement)


def _bound_before(tree: ast.Module, place: int) -> set[str]:
    return set().union(*(python_text.bound_names(s) for s in tree.body[:place])) if place else set()


def _serves(statement: ast.stmt, reads: set[str], modules: set[str], ahead: bool, known: set[str]) -> bool:
    """Whether a statement other than a definition gives something that the program reads, or sets the interpreter up.

    Ahead of the function all may stay that can run without input; a word that happens to be an expression may not.
    """
    if _is_main_guard(statement) or (isinstance(statement, ast.AnnAssign) and statement.value is None):
        return False
    given = python_text.bound_names(statement)
    if given & reads:
        return True
    if _reads_input(statement):
        return False
    if _calls_setter(statement, modules) or python_text.changed_names(statement) & (reads - modules):
        return True
    if isinstance(statement, ast.Assign) and python_text.changed_names(statement) & modules:
        return True  # decimal.getcontext().prec = 50
    word = isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Call)
    return ahead and not word and _can_run(statement, known)


def _reads_input(statement: ast.stmt) -> bool:
    """Whether a statement asks for input: `input()`, or `sys.stdin` in any form."""
    attributes = {n.attr for n in ast.walk(statement) if isinstance(n, ast.Attribute)}
    return bool(python_text.used_names(statement) & _READS_INPUT) or "stdin" in attributes


def _can_run(statement: ast.stmt, known: set[str]) -> bool:
    """Whether all that a statement reads is defined by then, and it prints nothing."""
    inner = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    inner |= {n.arg for n in ast.walk(statement) if isinstance(n, ast.arg)}
    read = python_text.used_names(statement) - inner
    return not read & _TALKS and all(name in known or hasattr(builtins, name) for name in read)


def _calls_setter(statement: ast.stmt, modules: set[str]) -> bool:
    """Whether a statement is a call such as `sys.setrecursionlimit(10**6)`."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return False
    if isinstance(call.func, ast.Attribute):
        root = python_text.used_names(call.func.value)
        return call.func.attr in _SETTERS and bool(root & modules)
    return isinstance(call.func, ast.Name) and call.func.id in _SETTERS & modules


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in python_text.used_names(statement.test)


def is_definition(statement: ast.stmt) -> bool:
    """Definitions and imports, also where they are within a try or an if; but nothing under `if __name__ == ...`."""
    if isinstance(statement, (ast.If, ast.Try, ast.With)):
        inner = (s for s in ast.walk(statement) if s is not statement and isinstance(s, ast.stmt))
        return not _is_main_guard(statement) and any(is_definition(s) for s in inner)
    return isinstance(statement, (*python_text.Definition.__args__, ast.Import, ast.ImportFrom))


def _is_import(statement: ast.stmt) -> bool:
    return any(isinstance(s, (ast.Import, ast.ImportFrom)) for s in ast.walk(statement)) and not isinstance(
        statement, python_text.Definition
    )


def needed_statements(source: str, tree: ast.Module, roots: set[str]) -> set[ast.stmt]:
    """The statements that define or change what `roots` reach by names, and all imports."""
    inner = python_text.global_reads(source)
    wanted, needed = set(roots), {s for s in tree.body if _is_import(s)}
    modules = {n for s in needed for n in python_text.bound_names(s)}
    rest = [s for s in tree.body if s not in needed and not _is_main_guard(s)]
    giving = [(s, python_text.bound_names(s) | _changes(s)) for s in rest]
    needed |= {s for s in rest if _calls_setter(s, modules)}
    while new := {s for s, names in giving if s not in needed and names & (wanted - modules)}:
        for statement in new:
            if isinstance(statement, python_text.Definition):
                wanted |= python_text.outer_reads(statement) | inner.get(statement.name, set())
            else:
                wanted |= python_text.used_names(statement)
        needed |= new
    return needed


def _changes(statement: ast.stmt) -> set[str]:
    return set() if isinstance(statement, python_text.Definition) else python_text.changed_names(statement)
