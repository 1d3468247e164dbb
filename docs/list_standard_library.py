"""Writes coma_cli/syntax/standard_library.txt: the names in each module of Python's standard library, of all versions.

The first line holds the names that only classes have, after a dot.

    python docs/list_standard_library.py [python3.10 python3.12 ...]

The names are those of typeshed (github.com/python/typeshed, Apache-2.0 and MIT), as mypy ships it, which describes all
supported versions of Python at once; and those that the modules have in the interpreters named, since stubs omit some.
The table was made with 3.10.13, 3.11.7, 3.12.1 and 3.13.0.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mypy

STUBS = Path(mypy.__file__).parent / "typeshed" / "stdlib"
TABLE = Path(__file__).parents[1] / "coma_cli" / "syntax" / "standard_library.txt"
# Not meant to be imported by programs, or started by an import; nor are modules with a private name.
LEFT_OUT = ("__main__", "antigravity", "distutils.command", "idlelib", "lib2to3", "test", "this", "turtledemo")
PRIVATE_KEPT = ("__future__", "_thread")


def modules() -> dict[str, ast.Module]:
    """The stubs by the name of their module."""
    found = {}
    for path in sorted(STUBS.rglob("*.pyi")):
        parts = path.relative_to(STUBS).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def names_in(name: str, stubs: dict[str, ast.Module], seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names that a module has in any version and on any system."""
    yield from (stub.removeprefix(f"{name}.").partition(".")[0] for stub in stubs if stub.startswith(f"{name}."))
    for node in _statements(stubs[name].body):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.AnnAssign(target=ast.Name(id=target)):
                yield target
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.Import(names=aliases):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.ImportFrom(names=aliases) if aliases[0].name != "*":
                yield from (alias.asname or alias.name for alias in aliases)
            case ast.ImportFrom(module=str(other), level=level):
                full = f"{name}.{other}" if level else other
                if full in stubs and full not in seen:
                    yield from names_in(full, stubs, seen | {name})


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        for inner in (getattr(node, part, []) for part in ("body", "orelse", "handlers", "finalbody")):
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from _statements(inner)


def members_in(stubs: dict[str, ast.Module]) -> Iterator[str]:
    """The names that classes have in any version and on any system."""
    classes = (node for stub in stubs.values() for node in ast.walk(stub) if isinstance(node, ast.ClassDef))
    for node in (inner for found in classes for inner in _statements(found.body)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))


def is_listed(name: str) -> bool:
    """Whether programs import the module."""
    private = name.startswith("_") and name not in PRIVATE_KEPT
    return not private and not any(name == left or name.startswith(f"{left}.") for left in LEFT_OUT)


def names_by(python: str, names: list[str]) -> dict[str, list[str]]:
    """The names that modules have in an interpreter, by module, without those that can't be imported; under ".", those
    that their classes have."""
    done = subprocess.run([python, "-I", "-c", _LISTING], input=json.dumps(names), capture_output=True, text=True)
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


_LISTING = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
found, members = {}, set()
for name in json.load(sys.stdin):
    try:
        module = importlib.import_module(name)
        found[name] = dir(module)
        members.update(*(dir(value) for value in vars(module).values() if isinstance(value, type)))
    except BaseException:
        pass
found["."] = sorted(members)
print(json.dumps(found))
"""


def main() -> None:
    """Write the table: a line for each module, its name first."""
    stubs = modules()
    listed = sorted(filter(is_listed, stubs))
    real = [names_by(python, listed) for python in sys.argv[1:] or [sys.executable]]
    lines = []
    for name in listed:
        found = {*names_in(name, stubs), *(entry for names in real for entry in names.get(name, ()))}
        public = sorted(entry for entry in found if not entry.startswith("_"))
        lines.append(" ".join([name, *public]))
    members = {*members_in(stubs), *(entry for names in real for entry in names["."])}
    members -= {name for line in lines for name in line.split()}
    lines.insert(0, " ".join([".", *sorted(name for name in members if not name.startswith("__"))]))
    TABLE.write_text("\n".join(lines) + "\n", encoding="ascii")
    sys.stdout.write(f"{TABLE.name}: {len(lines)} modules, {sum(line.count(' ') for line in lines)} names\n")


if __name__ == "__main__":
    main()
