"""Programs that ask what their zygote has seen before: what a cache remembers is the same object, or takes less time.

They can only confirm what they guess, so they know the whole markers but for one letter in between.
"""

GUESSES = """
KINDS = ["own", "earlier", "waiting", "earlierproblem", "waitingproblem", "tests", "expected", "message"]
def guesses():
    for kind in KINDS:
        yield "".join([FIRST, SECOND, kind])

def seconds(act, *arguments):
    start = time.perf_counter()
    act(*arguments)
    return time.perf_counter() - start
"""
INTERNED = (
    GUESSES
    + """
import sys, time
def blobs():
    for guess in guesses():
        copy = guess[:1] + guess[1:]
        if sys.intern(copy) is not copy:
            yield guess
"""
)
CACHED = (
    GUESSES
    + """
import fnmatch, re, struct, time
def blobs():
    for number, guess in enumerate(guesses()):
        for act in (re.compile, fnmatch.translate, lambda text: fnmatch.fnmatch("x", text)):
            other = f"{number:08}{guess[8:]}"
            fresh = min(seconds(act, f"{n}{other}") for n in range(3))
            if seconds(act, guess) < fresh / 4:
                yield guess
    re.purge()
"""
)

TECHNIQUES = {
    "interned": INTERNED,
    "cached": CACHED,
}
