"""The YAML files that come with coma: settings of every command, and recipes.

They are kept in `configs/` at the top of a checkout, which is also what an editable install sees; in a wheel they are
inside the package.
"""

from pathlib import Path

from coma_cli.errors import MissingInputError, nearest

_PACKAGE = Path(__file__).parent
SUFFIX = ".yaml"


def configs_folder(package: Path = _PACKAGE) -> Path:
    """The folder of YAML files that belongs to a package's folder."""
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def shipped(kind: str) -> dict[str, Path]:
    """The files of one kind, a command or `recipes`, by name."""
    found = (configs_folder() / kind).glob(f"*{SUFFIX}")
    return {path.stem: path for path in sorted(found, key=lambda path: path.stem)}


def find_file(kind: str, what: str, given: str) -> Path:
    """The file that was meant: a path, or the name of one that comes with coma.

    Raises:
        MissingInputError: there is neither.
    """
    path = Path(given).expanduser()
    if path.is_file():
        return path
    known = shipped(kind)
    if given in known:
        return known[given]
    guess = nearest(given, known)
    meant = f" Did you mean {guess}?" if guess else ""
    raise MissingInputError(
        f"There is no {what} {given}.{meant}",
        f"Give a file, or one of: {', '.join(known)}" if known else "Give a file.",
    )
