"""Programs that look for answers in descriptors, other processes and the kernel's own stores."""

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
# Shared memory, message queues and keys: the kernel keeps them for a user, whoever made them.
KERNEL_STORES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
NUMBERS = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]

def blobs():
    status = ctypes.create_string_buffer(512)
    text = ctypes.create_string_buffer(1 << 16)
    last = max(libc.shmctl(0, 14, status), libc.msgctl(0, 12, status), 64)  # SHM_INFO, MSG_INFO: the last that is used
    for index in range(min(last, 1 << 15) + 1):
        number = libc.shmctl(index, 13, status)  # SHM_STAT
        place = libc.shmat(number, None, 0o10000) if number >= 0 else None
        if place not in (None, 2**64 - 1):
            yield ctypes.string_at(place, 4096)
            libc.shmdt(ctypes.c_void_p(place))
        number = libc.msgctl(index, 11, status)  # MSG_STAT
        if number >= 0 and libc.msgrcv(number, text, 1 << 15, 0, 0o14000) > 0:  # a copy, without waiting
            yield text.raw
    for name in ("/planted", "/answers"):
        queue = libc.mq_open(name.encode(), os.O_RDONLY | os.O_NONBLOCK)
        yield attempt(os.read, queue, 1 << 12) or b"" if queue >= 0 else b""
    for ring in (-2, -3, -4, -5):
        for name in (b"planted", b"answers"):
            key = libc.syscall(NUMBERS[1], 10, ring, b"user", name, 0)  # KEYCTL_SEARCH
            size = libc.syscall(NUMBERS[1], 11, key, text, 1 << 12) if key > 0 else 0  # KEYCTL_READ
            yield text.raw[:size] if size > 0 else b""
"""
NAMED_SOCKETS = """
import os, socket
def blobs():
    listing = read("/proc/net/unix") + read("/proc/self/net/unix") + read(f"/proc/{os.getppid()}/net/unix")
    yield listing
    names = [word[1:] for word in listing.decode("utf-8", "replace").split() if word.startswith("@")]
    for name in [*names, "planted"]:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            for make in (socket.socket, lambda *kinds: socket.socketpair(*kinds)[0]):
                end = attempt(make, socket.AF_UNIX, kind)
                if end is not None:
                    end.setblocking(False)
                    attempt(end.connect, chr(0) + name)
                    attempt(end.send, b"answer")
                    yield attempt(end.recv, 1 << 12) or b""
                    end.close()
"""

TECHNIQUES = {
    "descriptors": DESCRIPTORS,
    "sockets": SOCKETS,
    "passed rights": RIGHTS,
    "other processes": OTHER_PROCESSES,
    "kernel stores": KERNEL_STORES,
    "named sockets": NAMED_SOCKETS,
}
