"""The headers of the standard library that a program in C or C++ uses and does not include."""

import re

# Source: ISO/IEC 9899:2018, clause 7, and ISO/IEC 14882:2020, clauses 17 to 31: what programs commonly use of them.
_OF_C = {
    "ctype.h": "isalnum isalpha isdigit islower ispunct isspace isupper isxdigit tolower toupper",
    "math.h": "acos asin atan atan2 ceil cos exp fabs floor fmod log log10 pow round sin sqrt tan",
    "stdio.h": "fclose feof fgetc fgets fopen fprintf fputs fread fscanf fseek ftell fwrite getchar printf putchar "
    "puts rewind scanf snprintf sprintf sscanf",
    "stdlib.h": "abs atof atoi atol bsearch calloc exit free getenv malloc qsort rand realloc srand strtod strtol "
    "system",
    "string.h": "memcmp memcpy memmove memset strcat strchr strcmp strcpy strcspn strlen strncat strncmp strncpy "
    "strrchr strspn strstr strtok",
    "time.h": "asctime clock ctime difftime gmtime localtime mktime strftime time",
}
_OF_CPP = {
    "algorithm": "binary_search count_if find_if lower_bound max_element min_element next_permutation nth_element "
    "reverse sort stable_sort transform upper_bound",
    "fstream": "fstream ifstream ofstream",
    "iomanip": "setfill setprecision setw",
    "iostream": "cerr cin cout",
    "map": "map multimap",
    "memory": "make_shared make_unique shared_ptr unique_ptr",
    "mutex": "lock_guard unique_lock",
    "numeric": "accumulate iota",
    "queue": "priority_queue queue",
    "set": "multiset set",
    "sstream": "istringstream ostringstream stringstream",
    "stack": "stack",
    "thread": "thread",
    "unordered_map": "unordered_map",
    "unordered_set": "unordered_set",
    "vector": "vector",
}
_C_HEADERS = {name: header for header, names in _OF_C.items() for name in names.split()}
_CPP_HEADERS = {name: header for header, names in _OF_CPP.items() for name in names.split()}
_ALL = "bits/stdc++.h"
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"][^\n]*$', re.MULTILINE)
_LITERALS = re.compile(
    r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*[\s\S]*?\*/|^[ \t]*#[^\n]*', re.MULTILINE
)
_CALLED = re.compile(r"(?<![\w.>:~])(\w+)\s*\(")
_OF_STD = re.compile(r"\bstd\s*::\s*(\w+)")
_TEMPLATE = re.compile(r"(?<![\w.>:])(\w+)\s*<[\w:, *<>]+>\s*[&*]?\s*\w+")
_STREAM = re.compile(
    r"(?<![\w.>:])(cin|cout|cerr)\s*(?:>>|<<)|(?<![\w.>:])([io]?fstream|[io]?stringstream)\s+\w+\s*[(;{]"
)
_DEFINED = re.compile(r"\b(?:\w+[ *&]+)(\w+)\s*\([^;{}()]*\)\s*\{")
_USING = re.compile(r"\busing\s+namespace\s+std\b")


def with_missing_includes(language: str, code: str) -> str:
    """A program with the includes of the standard library that it lacks; code that includes nothing, as it is."""
    includes = list(_INCLUDE.finditer(code))
    if not includes or any(found[1] == _ALL for found in includes):
        return code
    missing = sorted(_needed(language, code) - {found[1].strip() for found in includes})
    if not missing:
        return code
    end = includes[-1].end()
    lines = "".join(f"\n#include <{header}>" for header in missing)
    return f"{code[:end]}{lines}{code[end:]}"


def _needed(language: str, code: str) -> set[str]:
    bare = _LITERALS.sub(" ", code)
    own = set(_DEFINED.findall(bare))
    called = set(_CALLED.findall(bare)) - own
    if language == "c":
        return {_C_HEADERS[name] for name in called if name in _C_HEADERS}
    used = set(_OF_STD.findall(bare))
    if _USING.search(bare):
        used |= called | set(_TEMPLATE.findall(bare)) | {one or other for one, other in _STREAM.findall(bare)}
    return {_CPP_HEADERS[name] for name in used if name in _CPP_HEADERS}
