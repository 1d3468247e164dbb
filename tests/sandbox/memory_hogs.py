"""Programs that hold as much memory as they can, each of one kind that a limit on addresses does or does not see.

Each ends with a call of `hold`, which waits while the test looks from outside.
"""

HEAD = """
import ctypes, mmap, os, socket, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]

def hold():
    time.sleep(0.3)
    os._exit(0)

def fill(end):
    end.setblocking(False)
    for size in (1 << 20, 65536, 4096, 1):
        try:
            while True:
                end.send(b"x" * size)
        except OSError:
            pass

def pairs(most):
    made = []
    try:
        while len(made) < most:
            made += socket.socketpair()
    except OSError:
        pass
    return made
"""
SOCKETS = """
open_ones = pairs(64)
for end in open_ones:
    fill(end)
"""
# Sockets on their way through another socket are open, and no descriptor of the process counts them.
SOCKETS_IN_FLIGHT = """
carriers = []
for _ in range(20):
    carriers += socket.socketpair()
    made = pairs(56 - len(carriers))
    for end in made:
        fill(end)
    try:
        socket.send_fds(carriers[-1], [b"x"], [end.fileno() for end in made])
    except OSError:
        break
    for end in made:
        end.close()
    if len(carriers) > 40:
        break
"""
PIPES = """
pipes = []
try:
    while True:
        pipes.append(os.pipe())
        os.set_blocking(pipes[-1][1], False)
        try:
            while True:
                os.write(pipes[-1][1], b"x" * 4096)
        except BlockingIOError:
            pass
except OSError:
    os.close(pipes.pop()[0])
"""
# One page in each gigabyte of addresses needs two more for the tables that lead to it.
SPREAD = """
for number in range({pages}):
    place = libc.mmap(0x10000000000 + (number << 30), 4096, 3, 0x100022, -1, 0)
    if place in (None, 2**64 - 1):
        break
    ctypes.c_char.from_address(place).value = b"x"
"""
FILES = """
for folder in (os.environ["TMPDIR"], "/dev/shm"):
    try:
        for number in range(100):
            with open(f"{folder}/{number}", "wb") as file:
                file.write(b"x" * (4 << 20))
    except OSError:
        pass
"""
MANY_FILES = """
try:
    for number in range(100_000):
        os.close(os.open(f"{number:0200}", os.O_CREAT | os.O_WRONLY))
except OSError:
    pass
"""
TIMERS = """
timer = ctypes.c_void_p()
count = 0
while count < 200_000 and libc.timer_create(1, None, ctypes.byref(timer)) == 0:
    count += 1
"""
WATCHES = """
watchers = [libc.inotify_init1(0) for _ in range(40)]
for watcher in watchers:
    libc.inotify_add_watch(watcher, b".", 0xFFF)
for number in range(4000):
    os.mkdir(f"{number:0200}")
    os.rmdir(f"{number:0200}")
"""
ANONYMOUS = """
kept = []
for size in (4 << 20, 64 << 10):
    try:
        while True:
            kept.append(bytearray(b"x") * size)
    except MemoryError:
        pass
"""
SHARED = """
kept = []
try:
    while True:
        kept.append(mmap.mmap(-1, 4 << 20))
        kept[-1].write(b"x" * (4 << 20))
except (OSError, MemoryError):
    pass
"""
FORKED = """
for _ in range(12):
    if os.fork() == 0:
        kept = bytearray(b"x") * (200 << 20)
        hold()
time.sleep(2)
"""
FORKED_SOCKETS = """
for _ in range(60):
    if os.fork() == 0:
        kept = bytearray(b"x") * (8 << 20)
        for end in pairs(64):
            fill(end)
        time.sleep(4)
        os._exit(0)
time.sleep(3)
"""
NUMPY = "import numpy\n"

HOGS = {
    "sockets": SOCKETS,
    "sockets in flight": SOCKETS_IN_FLIGHT,
    "pipes": PIPES,
    "page tables": SPREAD.format(pages=65_000),
    "files": FILES,
    "many files": MANY_FILES,
    "timers": TIMERS,
    "watches": WATCHES,
    "anonymous": ANONYMOUS,
    "shared": SHARED,
    "anonymous, with numpy": NUMPY + ANONYMOUS,
    "shared, with numpy": NUMPY + SHARED,
    "all at once": "".join(
        (TIMERS, FILES, MANY_FILES, SOCKETS_IN_FLIGHT, SPREAD.format(pages=1800), ANONYMOUS),
    ),
}
FORKING = {"forked": FORKED, "sockets of many processes": FORKED_SOCKETS}


def program(name: str) -> str:
    """The source of one of them."""
    return HEAD + {**HOGS, **FORKING}[name] + "hold()\n"
