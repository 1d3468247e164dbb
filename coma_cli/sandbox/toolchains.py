"""Toolchains of other languages: which are installed, what they read, and how a program is compiled and run."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from coma_cli.sandbox.command import CommandStep
from coma_cli.sandbox.contract import Level
from coma_cli.sandbox.inside.isolation import namespaces
from coma_cli.sandbox.read_list import ReadList, reads_of

_VERSION_S = 60


@dataclass(frozen=True)
class Toolchain:
    """An installed toolchain.

    `reads` are its own files; `steps` makes the commands for a program: those that compile it, if any, and
    the last one, which runs it. They are given the program's text, the CPU seconds to compile and to run, and the
    memory in MiB. `{work}` in `environment` is the program's folder.
    """

    language: str
    version: str
    file_name: Callable[[str], str]
    steps: Callable[[str, float, float, int], list[CommandStep]]
    reads: ReadList
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[str], str] = str


# What begins a program, in languages in which a text of definitions alone can't be run.
_MAIN: Mapping[str, re.Pattern[str]] = {
    "c": re.compile(r"\bmain\s*\("),
    "cpp": re.compile(r"\bmain\s*\("),
    "java": re.compile(r"\bstatic\s+(?:final\s+)?(?:public\s+)?void\s+main\s*\("),
    "go": re.compile(r"\bfunc\s+main\s*\(\s*\)"),
    "rust": re.compile(r"\bfn\s+main\s*\("),
}
LANGUAGES_RUN = ("javascript", "java", "c", "cpp", "go", "ruby", "php", "rust")


def has_main_part(language: str, program: str) -> bool:
    """Whether a program can be run; in scripting languages any can."""
    pattern = _MAIN.get(language)
    return pattern is None or pattern.search(program) is not None


@cache
def find_toolchain(language: str) -> Toolchain | None:
    """The installed toolchain of a language; None if there is none that can be used."""
    finder = _FINDERS.get(language)
    try:
        return finder() if finder is not None else None
    except (OSError, subprocess.SubprocessError, IndexError):
        return None


def _which(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(name)
    return os.path.realpath(found)


def _ask(*command: str) -> str:
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=_VERSION_S, check=True, stdin=subprocess.DEVNULL
    )
    return (answer.stdout or answer.stderr).strip()


def _existing(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if os.path.lexists(path)]


def _binutils() -> list[str]:
    """What a compiler starts by name, and the start files and archives that it links."""
    names = ("as", "ld", "ld.bfd", "ld.gold", "collect2", "ar", "cc", "gcc", "g++")
    folders = [Path("/usr/lib"), *Path("/usr/lib").glob("*-linux-gnu*")]
    objects = [str(path) for folder in folders for kind in ("*.o", "*.a") for path in folder.glob(kind)]
    places = ("/usr/include", "/usr/lib/gcc", "/usr/libexec/gcc", "/usr/lib/bfd-plugins")
    return [*_existing(f"/usr/bin/{name}" for name in names), *_existing(places), *objects]


def _c(language: str, driver: str, suffix: str, *options: str) -> Toolchain:
    compiler = _which(driver)

    def steps(program: str, compile_s: float, run_s: float, memory_mb: int) -> list[CommandStep]:
        command = (compiler, *options, "-O1", "-w", "-o", "program", f"main.{suffix}", "-lm", "-pthread")
        return [CommandStep(command, compile_s), CommandStep(("./program",), run_s)]

    version = _ask(compiler, "-dumpfullversion")
    reads = reads_of([compiler, *_binutils()])
    return Toolchain(language, f"{driver} {version}", lambda program: f"main.{suffix}", steps, reads)


_CLASS = re.compile(r"\bclass\s+(\w+)")
_PUBLIC_CLASS = re.compile(r"\bpublic\s+(?:final\s+|abstract\s+)*(?:class|record|enum|interface)\s+(\w+)")


def _java_file(program: str) -> str:
    public = _PUBLIC_CLASS.search(program)
    return f"{public[1] if public else 'Main'}.java"


def _java_class(program: str) -> str:
    """The class that `main` is in: the last one that begins before it."""
    main = _MAIN["java"].search(program)
    before = _CLASS.findall(program[: main.start()] if main else program)
    return before[-1] if before else "Main"


def _java() -> Toolchain:
    java, compiler = _which("java"), _which("javac")
    home = str(Path(java).parent.parent)
    quiet = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto")

    def steps(program: str, compile_s: float, run_s: float, memory_mb: int) -> list[CommandStep]:
        heap = f"-Xmx{max(64, memory_mb // 2)}m"
        build = (compiler, *(f"-J{option}" for option in (*quiet, "-Xmx512m")), "-nowarn", _java_file(program))
        start = (java, *quiet, heap, "-Xss2m", "-cp", ".", _java_class(program))
        return [CommandStep(build, compile_s), CommandStep(start, run_s)]

    version = _ask(compiler, "-version")
    links = [path for path in Path(home).rglob("*") if path.is_symlink()]
    configured = sorted({str(path.resolve()) for path in links if path.exists()})
    # The loader finds libraries beside a program by /proc, which is not there.
    environment = {"JAVA_HOME": home, "LD_LIBRARY_PATH": f"{home}/lib:{home}/lib/server"}
    return Toolchain("java", version, _java_file, steps, reads_of([home, *configured]), environment)


def _node_file(program: str) -> str:
    is_module = re.search(r"^\s*(?:import\s+[\w{*'\"]|export\s)", program, re.MULTILINE)
    return "main.mjs" if is_module else "main.js"


def _node() -> Toolchain:
    node = _which("node")

    def steps(program: str, compile_s: float, run_s: float, memory_mb: int) -> list[CommandStep]:
        heap = f"--max-old-space-size={max(64, memory_mb // 2)}"
        return [CommandStep((node, heap, _node_file(program)), run_s)]

    reads = reads_of([node, *_existing(["/usr/share/nodejs", "/etc/ssl/openssl.cnf"])])
    return Toolchain("javascript", f"node {_ask(node, '--version')}", _node_file, steps, reads)


def _go() -> Toolchain:
    go = _which("go")
    root = os.path.realpath(_ask(go, "env", "GOROOT"))
    linked = sorted({str(path.resolve()) for path in Path(root).iterdir() if path.is_symlink() and path.exists()})

    def steps(program: str, compile_s: float, run_s: float, memory_mb: int) -> list[CommandStep]:
        build = (go, "build", "-p", "2", "-o", "program", "main.go")
        return [CommandStep(build, compile_s), CommandStep(("./program",), run_s)]

    environment = {
        "GOROOT": root,
        "GOCACHE": "{work}/.cache",
        "GOPATH": "{work}/.path",
        "GO111MODULE": "off",
        "CGO_ENABLED": "0",
        "GOTELEMETRY": "off",
        "GOFLAGS": "-buildvcs=false",
    }
    version = _ask(go, "version").removeprefix("go version ").split()[0]
    return Toolchain("go", version, lambda program: "main.go", steps, reads_of([go, root, *linked]), environment)


def _ruby() -> Toolchain:
    ruby = _which("ruby")
    places = _ask(ruby, "-e", "puts $LOAD_PATH").splitlines()

    def steps(program: str, compile_s: float, run_s: float, memory_mb: int) -> list[CommandStep]:
        return [CommandStep((ruby, "main.rb"), run_s)]

    reads = reads_of([ruby, *_existing([*places, "/usr/share/rubygems-integration"])])
    return Toolchain("ruby", _ask(ruby, "-e", "puts RUBY_DESCRIPTION")[:10], lambda program: "main.rb", steps, reads)


def _php() -> Toolchain:
    php = _which("php")

    def steps(program: str, compile_s: float, run_s: float, memory_mb: int) -> list[CommandStep]:
        return [CommandStep((php, "main.php"), run_s)]

    def prepare(program: str) -> str:
        return program if "<?" in program else f"<?php\n{program}"

    reads = reads_of([php, *_existing(["/etc/php", "/usr/lib/php", "/usr/share/php"])])
    version = f"php {_ask(php, '-r', 'echo PHP_VERSION;')}"
    return Toolchain("php", version, lambda program: "main.php", steps, reads, prepare=prepare)


def _rust() -> Toolchain:
    found = shutil.which("rustc")
    if found is None:
        raise FileNotFoundError("rustc")
    root = os.path.realpath(_ask(found, "--print", "sysroot"))  # the found one may choose among several
    compiler = f"{root}/bin/rustc"

    def steps(program: str, compile_s: float, run_s: float, memory_mb: int) -> list[CommandStep]:
        # Its own linker looks for itself in /proc.
        linker = ("-C", "linker=/usr/bin/cc", "-C", "link-arg=-fuse-ld=bfd")
        options = ("--sysroot", root, "--edition", "2021", "-A", "warnings", *linker)
        build = (compiler, *options, "-o", "program", "main.rs")
        return [CommandStep(build, compile_s), CommandStep(("./program",), run_s)]

    libraries = [str(Path(root) / "lib")]
    reads = reads_of([compiler, _which("cc"), *libraries, *_binutils()])
    version = _ask(compiler, "--version")[:12].strip()
    return Toolchain("rust", version, lambda program: "main.rs", steps, reads, {"LD_LIBRARY_PATH": f"{root}/lib"})


_FINDERS: Mapping[str, Callable[[], Toolchain]] = {
    "c": lambda: _c("c", "gcc", "c", "-std=gnu17"),
    "cpp": lambda: _c("cpp", "g++", "cpp", "-std=gnu++17"),
    "java": _java,
    "javascript": _node,
    "go": _go,
    "ruby": _ruby,
    "php": _php,
    "rust": _rust,
}


def is_readable(chain: Toolchain, level: Level) -> bool:
    """Whether programs can read a toolchain: without a file system of their own, one in root's home is out of reach."""
    if level == "ns" or os.geteuid() != 0:
        return True
    return all(map(namespaces.is_open_to_all, {str(Path(path).parent) for path in chain.reads.paths}))
