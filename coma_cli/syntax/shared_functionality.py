"""Whether two functions of Java's family visibly do the same kind of thing, judged by the library names that both use.

Streams, files and channels are plumbing: functions that do quite different things read, write and close. So plumbing in
common only counts between two functions that do nothing else, which copy; all others need names in common that tell
what they are for, such as `MessageDigest` and `digest`, or `commit` and `rollback`.
"""

import re
from functools import lru_cache

from coma_cli.syntax.called_names import FEWEST_NAMES, called_names
from coma_cli.words import name_set

# Classes of java.io and java.nio, and what is called on them.
_PLUMBING = name_set(
    "BufferedInputStream BufferedOutputStream BufferedReader BufferedWriter ByteArrayInputStream "
    "ByteArrayOutputStream ByteBuffer DataInputStream DataOutputStream File FileChannel FileInputStream "
    "FileOutputStream FileReader FileWriter IOUtils InputStream InputStreamReader MappedByteBuffer OutputStream "
    "OutputStreamWriter PrintStream PrintWriter Reader Writer allocate allocateDirect available canRead canWrite "
    "clear close closeQuietly copy copyFile createNewFile delete exists flip flush force getAbsolutePath getChannel "
    "getInputStream getName getOutputStream getParent getParentFile getPath hasRemaining isDirectory isFile "
    "lastModified limit list listFiles map mkdir mkdirs position read readLine renameTo setLastModified skip "
    "toByteArray transferFrom transferTo write"
)
# Collections, texts, numbers, dates, logging and exceptions, which say nothing about the purpose of a function.
_EVERYDAY = name_set(
    "ArrayList Boolean Character Collection Date Double Enumeration Float HashMap HashSet IOException "
    "IllegalArgumentException IllegalStateException Iterator List Long Map Random RuntimeException Set StringBuffer "
    "StringBuilder Vector add append asList byte char charAt contains currentTimeMillis debug endsWith equals "
    "equalsIgnoreCase error exit fine floor format getBytes getClass getLocalizedMessage getLogger getMessage "
    "getProperty hasNext hashCode indexOf info intValue isEmpty iterator java lastIndexOf log max min next parseInt "
    "print printStackTrace printf put remove replace replaceAll split startsWith substring toArray toLowerCase "
    "toUpperCase trim valueOf warn"
)
# What loads an address or sends a request. BigCloneBench's own functionality is "download from the web", and pairs of
# functions that do so in passing are labelled as non-clones.
_WEB = name_set(
    "CloseableHttpClient DefaultHttpClient FTPClient GetMethod HttpClient HttpGet HttpPost HttpResponse "
    "HttpURLConnection HttpsURLConnection PostMethod URLConnection openConnection openStream"
)
# A function that is given bytes, or entries of an archive, copies no file or stream, whatever it writes.
_OTHER_INPUT = re.compile(r"\bbyte\s*\[\s*\]\s*(?:\w+\s*[,)]|>)|\bZip\w+|\bJar\w+|\bnew ByteArrayInputStream")
_ENCODES = re.compile(r"base64", re.IGNORECASE)
_OUTPUTS = frozenset({"write", "transferTo", "transferFrom", "copy", "copyFile"})
_FILES_WRITTEN = frozenset({"FileOutputStream", "FileWriter", "openOutputStream"})
_NAME = re.compile(r"(\w+)\s*\([^()]*\)\s*(?:throws [\w., ]+)?\{")
_COPYING = re.compile(r"cop(?:y|ies)", re.IGNORECASE)
# The share of what the function that uses more uses, and how many names that tell; found by reading half of the slices.
_VISIBLE = ((0.15, 3), (0.3, 2), (0.5, 1))
_MOSTLY = 0.6
# The same of the one that uses less: pairs labelled as non-clones that do the same as far as a reader can tell.
_SEEMS = ((0.3, 2), (0.4, 1))
_SAME_TOKENS = 0.8
_TOKENS = re.compile(r"\w+|[^\w\s]")


def visibly_shared(first: str, second: str) -> bool:
    """Whether a reader finds the functionality that two functions are said to share.

    True for functions that use hardly any library: what a sort of an array does is not in its names.
    """
    one, other = called_names(first), called_names(second)
    if min(len(one), len(other)) < FEWEST_NAMES:
        return True
    if copies(first) and copies(second):
        return True
    of_longer, telling = len(one & other) / max(len(one), len(other)), len(_telling(one & other))
    return any(of_longer >= share and telling >= fewest for share, fewest in _VISIBLE)


def seemingly_shared(first: str, second: str) -> bool:
    """Whether two functions look as if they shared a functionality, or hardly differ, so that nobody would say no."""
    if _alike(first, second) or (loads_from_web(first) and loads_from_web(second)):
        return True
    if _ENCODES.search(first) and _ENCODES.search(second):
        return True
    if (copies(first) and _moves_bytes(second)) or (copies(second) and _moves_bytes(first)):
        return True
    one, other = called_names(first), called_names(second)
    if min(len(one), len(other)) < FEWEST_NAMES:
        return False
    of_shorter, telling = len(one & other) / min(len(one), len(other)), len(_telling(one & other))
    seems = any(of_shorter >= share and telling >= fewest for share, fewest in _SEEMS)
    return seems or visibly_shared(first, second)


def _moves_bytes(code: str) -> bool:
    """Whether a function copies something on the way to what it is for."""
    names = called_names(code)
    return {"read", "write"} <= names or not names.isdisjoint(_OUTPUTS - {"write"})


def loads_from_web(code: str) -> bool:
    """Whether a function loads from an address or sends a request to a server."""
    return not called_names(code).isdisjoint(_WEB)


@lru_cache(maxsize=1024)
def copies(code: str) -> bool:
    """Whether a function copies bytes or characters: by its name, or because it does nothing else."""
    names = called_names(code)
    told = names - _EVERYDAY
    if _OTHER_INPUT.search(code) or not names & _OUTPUTS or len(told & _PLUMBING) < _MOSTLY * len(told):
        return False
    name = _NAME.search(code)
    if name is not None and name[1].startswith("test"):
        return False  # a test of a copying function copies nothing itself
    named_so = name is not None and _COPYING.search(name[1]) is not None
    return named_so or (not _telling(names) and not names.isdisjoint(_FILES_WRITTEN))


def _telling(names: frozenset[str]) -> frozenset[str]:
    return names - _PLUMBING - _EVERYDAY


def _alike(first: str, second: str) -> bool:
    """Whether two functions consist of nearly the same tokens, in whatever order."""
    one, other = frozenset(_TOKENS.findall(first)), frozenset(_TOKENS.findall(second))
    return len(one & other) >= _SAME_TOKENS * len(one | other)
