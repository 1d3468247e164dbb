"""Programs that look for answers in their own memory, which they have from their zygote."""

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
        kept = [bytes(make(None, size)) for _ in range(60 if size < 9000 else 8)]
        yield b"|".join(kept)
"""
FREED_MALLOC = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
def blobs():
    for size in [*range(24, 4096, 16), *range(4096, 1 << 16, 1024), *(1 << n for n in range(16, 21))]:
        places = [libc.malloc(size) for _ in range(16 if size < 1 << 16 else 4)]
        yield b"|".join(ctypes.string_at(place, size) for place in places)
"""
WIDE = (
    READ_PAGES
    + """
import gc
def strides(blobs):
    for blob in blobs:
        for width in (2, 4):
            for first in range(width):
                yield blob[first::width]

def blobs():
    top = libc.sbrk(0)
    yield from strides(pages(top - (32 << 20), top))
    areas = {id(item) >> 20 for item in gc.get_objects()}
    for area in sorted(areas):
        yield from strides(pages(area << 20, (area + 1) << 20))
"""
)
PROC_MEMORY = """
import os
def blobs():
    for pid in ("self", str(os.getppid()), "1", *map(str, range(2, 12))):
        lines = read(f"/proc/{pid}/maps").decode("ascii", "replace").splitlines()
        fd = attempt(os.open, f"/proc/{pid}/mem", os.O_RDONLY)
        for line in lines if fd is not None else ():
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            if "rw" in line and end - start < 64 << 20:
                yield attempt(os.pread, fd, end - start, start) or b""
        for name in names_in(f"/proc/{pid}/map_files")[:200]:
            yield read(f"/proc/{pid}/map_files/{name}")[:1 << 16]
"""

TECHNIQUES = {
    "mincore heap": MINCORE_HEAP,
    "mincore arenas": MINCORE_ARENAS,
    "mincore mappings": MINCORE_MAPPINGS,
    "mincore stack": MINCORE_STACK,
    "freed blocks": FREED_BLOCKS,
    "freed malloc": FREED_MALLOC,
    "texts of wide letters": WIDE,
    "proc mem": PROC_MEMORY,
}
