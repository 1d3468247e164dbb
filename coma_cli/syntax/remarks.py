"""Documentation that describes nothing: remarks and fragments, by a table of their kinds, and markup left in texts.

A comment above a function often says something about it instead of what it does: who calls it, since when it exists,
where it was copied from, what else to use. Nobody could write such a text who knows only the function, and nobody would
search for it. The kinds were found by reading documentation in Go, Java, JavaScript, PHP, Python and Ruby.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from coma_cli.syntax.function import CodeFunction
from coma_cli.words import sentences

# An expression says what a function does: "Same as a + b."
_OPERATION = r"(?:not |\w+\.__\w+__|[-~]\w|\w+(?:\[\w+\])? ?(?:[-+*/%@&|^<>=!]|is |in |and |or )|\w+\()"
_NO_CODE = r"(?![`(.=-]\w)"
# What begins a text that describes nothing, whatever follows, by kind.
_BEGINNINGS: Mapping[str, Sequence[str]] = {
    "reference": (
        rf"same as\b(?! {_OPERATION}| \S+ but [a-z]+s\b)",
        r"(?:ditto|likewise|identical to|as above|non-javadoc|@?inherit-?doc|cf|refer to)\b",
        r"see\b(?! (?:if|whether|what|how|that)\b)",
        r"(?:documented|described|explained) (?:in|at|by|elsewhere|above|below)\b",
    ),
    "template": (
        r"(?:document me|undocumented|description of the method|method description|lorem ipsum|auto[- ]?generated)\b",
        r"no (?:description|documentation|comment|doc)s?\b",
        r"(?:short |long )?description(?: for (?:the )?(?:function|method))?(?: here)?\.?\Z",
        r"(?:enter|insert|put|add|write|describe) (?:your |the |a |method'?s? |function )?(?:\w+'?s? )?"
        r"(?:code|description|documentation|comment|implementation) here\b",
        r"your \w+ (?:code )?here\b",
        r"this (?:method|class|field|function) was (?:auto[- ]?)?generated\b",
    ),
    "status": (
        r"(?:deprecated|obsolete|experimental|todo|fixme|xxx|hack|kludge|work-?around|tbd|wip)\b",
        r"(?:not (?:yet )?(?:implemented|supported|used|available|intended|needed)|unimplemented|unused|no longer)\b",
        r"this (?:method |function )?is (?:more of )?(?:an? )?(?:internal|private|experimental|deprecated|unused)\b",
        r"this more of\b",
        r"(?:package[- ]private|exposed|visible|public|exported) (?:only )?(?:for|to allow) (?:\w+ )?test(?:s|ing)?\b",
        r"(?:quick and dirty|(?:gross|ugly|dirty|nasty|horrible|terrible) hack)\b",
    ),
    "restriction": (
        r"(?:limited|restricted) to\b",
        r"only (?:works?|valid|available|used|called|applies|supported|needed|for)\b",
        r"(?:must|should|may|might|can|could|cannot|can't|can not|shouldn't|mustn't)"
        r" (?:not |only |always |never )?(?:be )?"
        r"(?:overridd?en|implemented|called|invoked|used (?!to)|null|empty|nil|one of|positive|unique|set by)\b",
        r"(?:can't|cannot|can not|don't|do not|never|doesn't|won't)"
        r" (?:use|call|do|need|rely|modify|change|edit|try)\b",
        r"(?:(?:this )?(?:is|can be|could be|may be|might be) )?(?:useful|helpful|handy)"
        r" (?:for|with|when|if|in|as|to)\b",
        r"to be (?:used|called|overridd?en|implemented|removed|done|replaced|invoked|extended)\b",
        r"pass (?:in )?(?:no|nil|null|none|true|false|`\w+`)\b",
    ),
    "overriding": (
        r"(?:this (?:method |function )?(?:is|was|gets) )?overridden\b",
        r"override (?:this|me|in|to|if|when)\b",
        r"this (?:method |function )?(?:must|should|can|may|needs to|has to|is (?:meant|intended|supposed|designed) to)"
        r" be (?:overridd?en|overwritten|implemented|extended|(?:called|invoked)\b(?!.* to [a-z]+ (?:an?|the)\b)"
        r"|used (?!to)|defined|provided)\b",
        r"(?:all |any |the |each )?(?:sub-?class(?:es)?|descendant(?:s'|s)?|child classes|derived classes|implementors?"
        r"|implementations|callers?|clients|users)(?: \w+){0,2} (?:should|must|may|can|need)\b",
    ),
    "fact": (
        # "Templates have no id.": about the things that a function works on, not about what it does
        r"(?:(?-i:[A-Z]{2,}) |some |most )?\w+s (?:are|have|may have|can be) (?!.*\bif\b)",
    ),
    "aside": (
        r"(?:obviously|unfortunately|hopefully|luckily|actually|basically|however|otherwise|therefore|thus|hence|well|ok"
        r"|okay|also|currently),",
        rf"(?:i|i'm|i've|i'd|i'll|let's|lets (?:us|me|you)|hmm+|oops|ugh|wtf|ok|okay|but|and|so|because|not sure"
        rf"|holy)\b{_NO_CODE}",
        rf"(?:nb|note|notice|beware|caution|warning|important|please|be careful|for now|obviously|unfortunately"
        rf"|hopefully|luckily)\b{_NO_CODE}",
        r"(?:at this point|in this case|in that case|now we|as we|since we|if you(?:'re)?|need to|changing this)\b",
        r"you\b(?! can [a-z]+ (?:an?|the|all|\w+s)\b)",
        r"(?:sometimes|might|doesn't matter)\b|.*(?:\?\?|\(\?\)|\? or \w+\?)",
        r"make sure (?:to|you|that you)\b|easy to (?:use|read|understand|remember|extend|debug)\b",
        r"some (?:\w+ ){1,2}(?:require|need|only|don't|do not|may|might|have|are|can|cannot|will)\b",
        r"this is (?:how(?! (?:you|to)\b)|where|why|because|trivial|needed|required|necessary|done|useful|helpful"
        r"|so)\b",
        r"we (?:want|need|can|can't|don't|do|have|could|should|must|may|only|are|assume|know|also)\b",
    ),
    "reason": (
        r"(?:in order )?to (?:improve|avoid|prevent|support|keep|allow|ensure|make|fix|initialize|use|enable|get)\b"
        r"[^.]*[, ](?:we|you|i)\b",
    ),
    "example": (r"(?:e\.g|i\.e|for example|for instance|examples?|usage|sample)\b(?=[ .:,]*(?:\Z|[:.`({\[]))",),
    "of another thing": (
        r"this (?:class|module|file|script|interface|trait|mixin|library|package|plugin|gem|struct)\b(?!['’])",
        r"(?:an? |the )?(?:\w+ )?(?:class|module|mixin) (?:for|to|that|which|representing|used)\b",
    ),
    "default": (r"(?:the )?defaults? (?:to|is|are)\b", r"(?:optional|required|mandatory)\b[.:,]?(?= ?\Z|[:.])"),
    "listing": (r"\d+ ?[.)] \w", r"\d+(?:\.\d+)+ [A-Z]"),
    "grammar": (r"[\w-]+ = (?=[^.]*[/*<\"(\[])(?![^.]*[a-z] (?:is|are|of|the) )",),
}
_ORIGINS = (
    r"(?:initially |originally |mostly |shamelessly |largely |partially |partly )?"
    r"(?:borrowed|stolen|copied|adapted|moved|ported|lifted|backported|inspired|taken) (?:\w+ )?(?:from|by)\b",
    r"(?:written by|courtesy of|credits? to)\b",
    r"(?:version|since(?: version)?|as of(?: version)?) v?\d",
)
# What a sentence matches that describes nothing, by kind; other sentences of its text may.
_SENTENCES: Mapping[str, Sequence[str]] = {
    "origin": _ORIGINS,
    "status": (
        r"(?:for )?(?:private|internal)(?: api| use|-only| only)\b",
        r"(?:an? )?(?:private|internal|protected|public|static|abstract|helper|utility|auxiliary)"
        r" (?:method|function)s?\W*\Z",
    ),
    "occasion": (
        r"(?:(?:this|it) |(?:this|the) (?:method|function|callback|hook|handler|event|action) )?"
        r"(?:is |gets |will be |should be |must be )?(?:automatically |only |also |always )?"
        r"(?:called|invoked|executed|triggered|fired|run|used internally|used) (?:internally |automatically |only )?"
        r"(?:by|from|when|whenever|before|after|once|every time|each time|if|during|as part of|internally)\b"
        r"(?!.*\bto [a-z]+ |.*\band (?:then |subsequently |also )?[a-z]+s (?:an?|the|all|each|its)\b)",
    ),
    "interface": (
        r"\S+ (?:partially )?(?:implements|satisfies|is part of|is required by|fulfills|conforms to)"
        r" (?:the |an? )?[\w.*`\[\]/#]+(?: (?:interface|method|function|api))?(?: interface)?\W*\Z",
    ),
    "requirement": (
        r"(?:an? |the |this |these |additional |extra |some )(?:\w+ ){1,3}(?:is|are) (?:required|needed|necessary)"
        r" (?:to|for|when|if|because|so)\b",
    ),
    "platform": (
        r"(?:for |on )?(?:ios|android|macos|osx|windows|linux|rails|ruby|python|php|java|jdk|node|django|go|ie|firefox"
        r"|chrome|internet explorer|safari|symfony|laravel|wordpress)\s?v?\d[\w. ,+<>=-]*(?:and \d[\d.+]*)?"
        r"(?: \w*(?:support|only|compatibility|method|version|style|and above|and later|and up|way|fix))?\W*\Z",
    ),
    "ticket": (
        r"(?:[Tt]ests?|[Ff]ix(?:es|ed)?|[Cc]lose[sd]?|[Rr]esolve[sd]?|[Ss]ee|[Ff]or|[Cc]overs)? ?"
        r"(?:(?:[Ff]or|[Ii]ssue|[Bb]ug|[Tt]icket|PR) )*(?:#\d+|[A-Z]{2,}-\d+)\W*\Z",
    ),
    "history": (
        r".{0,60}\b(?:was|were|has been|have been) (?:first )?"
        r"(?:(?:added|introduced|removed|deprecated|renamed|changed|moved|dropped) (?:in|as of|since)"
        r"|(?:removed|renamed|moved|dropped) from)\b",
    ),
    "replacement": (r"(?:please )?use\b.*\binstead\b", r".*[;,] (?:please )?use\b.*\binstead\W*\Z"),
    "safety": (
        r"(?:this|the|it) ?(?:method|function|class|operation)? (?:is|isn't|is not) (?:not )?"
        r"(?:thread[- ]?safe|safe|reentrant|idempotent|atomic|blocking|slow|expensive|fast)\W*\Z",
        r"(?:not )?thread[- ]?safe\b(?! [\w-]+ (?!using)\w+| \w+ing\b)|not thread[- ]?safe\b",
    ),
    "place": (
        r"(?:the|we|you|your|do|put|all|any|some|most|actual|custom|this is where)\b(?: [\w`'()]+){1,7} here\W*\Z",
    ),
    "preposition": (
        r"(?:as an?|for) (?:\w+ ?){1,3}\W*\Z",
        r"for (?:[\w-]+ ){0,2}use\b",
        r"for (?:backwards?|bc|legacy)[ -]\w+(?: \w+){0,3}\W*\Z",
        r"what \w+ expects\W*\Z",
    ),
    "label": (
        r"[A-Z][A-Z0-9_-]+(?: [A-Z0-9_-]+){0,2}\W*\Z",
        r"[^\s\u3400-\u9fff]+\Z",
        r".*-related (?:methods|functions|helpers|stuff|things)\W*\Z",
        r"(?i:(?:(?:low|high)[- ]level|core|basic|generic|main|more|additional|convenience|legacy|default|global"
        r"|example|public|private|protected|instance|class|static|helper|internal|utility|events?|helpers?|various|misc"
        r"|common|other)(?: and| or)? (?:\w+ )?(?:methods|helpers|functions|commands|operations|filters|conversions"
        r"|feedback|utilities|accessors|callbacks|hooks|stuff|section|overrides))\W*\Z",
    ),
    "cut": (
        r".*\b(?:the|an?|of|and|or|with|from|by|which|than|your|its|should set|and set)\s*\Z",
        r"\S+ will \w+\W*\Z",
    ),
    "in brackets": (r"\([^()]*\)\.?\Z",),
}


class _Kind(NamedTuple):
    name: str
    pattern: re.Pattern[str]


_WITH_CASE = frozenset({"ticket", "label"})
_LEADING = " \t\"'*-@#!.:({[<>"
# The name of a parameter, and what it must be.
_PARAMETER = re.compile(
    r"(?P<name>[`'*_+$]*\w+[`'*+]*) (?:(?:-{1,2}|–|=) ?\w"
    r"|(?:is|are|in \w+ is|in \w+ are) (?:an?|the|optional|required|one of|either|expected|assumed|always|never|passed"
    r"|used)\b"
    r"|(?:can|must|should|may|could|needs to|has to|will) (?:not |also )?(?:be|have|contain)\b)"
)
# Notes on parameters that follow a description on its line: behind a full stop, or with an underscore in the name.
_NOTE = re.compile(r"(?:(?<=[.!?]) (?P<plain>[`*]?\w+[`*]?)| [`*]?(?P<made>\w*_\w+)[`*]?) (?:-{1,2}|–) (?=[`A-Za-z])")
_NOTES = re.compile(r"(?: - [\w. ]{1,40}){2,}\Z")
_POINTER = re.compile(
    r"\(?(?:please |also )?(?:see|refer to|cf\.?)(?: also)?\b(?! (?:if|whether|what|how|that)\b)[ :]", re.IGNORECASE
)
_ORIGIN = re.compile("|".join(_ORIGINS), re.IGNORECASE)
_LATE_POINTER = re.compile(r"(?<=[a-z`)])(?: See\b[^.]*(?:\.\w[^.]*)*| \([Ss]ee[^()]*\))\.?\Z")
# What stays of a line that introduces an example: "Parses the file. Syntax:".
_INTRODUCTION = re.compile(
    r"(?<=[.!?])\s+(?:(?:for )?(?:example|instance)s?|e\.g|i\.e|(?:example )?usage|usage examples?|syntax|notes?|format"
    r"|like so|it|they|returns|options|parameters|arguments)\W*\Z",
    re.IGNORECASE,
)
_OPEN_END = re.compile(
    r"[,;(]? (?:e\.g|i\.e|such as|for example|for instance|like this|as follows)\W*\Z", re.IGNORECASE
)
_AUDIENCE = re.compile(r"\A(?:Public|Internal|Private)(?: ?[:-] ?| )(?=[A-Z]\w)")  # TomDoc
_MARK = re.compile(
    r"\A(?:[\[(](?:deprecated|internal|private|experimental|optional)[\])]:?|(?:experimental|internal|private):) ",
    re.IGNORECASE,
)
# A heading that upstream joined to the description.
_HEADING = re.compile(
    r"\A(?:(?:Function|Method) \w+ (?=[A-Z][a-z]+ )|[a-z]\w+ (?=[A-Z][a-z]+ (?:the|an?|all|some)\b)"
    r"|(?:\w+ )?(?i:operations|conversions|helpers|methods|utilities|accessors|functions|commands|callbacks|hooks)"
    r" (?=(?:Add|Build|Check|Convert|Create|Delete|Find|Get|Load|Make|Pack|Parse|Read|Remove|Render|Return|Save|Send"
    r"|Set|Update|Write)s? [a-z]))"
)
_EMPHASIS = re.compile(r"(?<![\w`'\"/.])_(?P<what>[A-Za-z](?:\w*[A-Za-z0-9])?)_(?![\w`'\"/(])")
_TELETYPE = re.compile(r"(?<![\w+'\"`])\+(?P<what>[^\s+](?:[^+\n]{0,60}[^\s+])?)\+(?![\w+'\"`])")
_SPACED_SIGN = re.compile(r"(?<=\w) ([.,;])(?= |\Z)")
_HTML_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@lru_cache(maxsize=1)
def _tables() -> tuple[tuple[_Kind, ...], tuple[_Kind, ...]]:
    return _compiled(_BEGINNINGS), _compiled(_SENTENCES)


def _compiled(table: Mapping[str, Sequence[str]]) -> tuple[_Kind, ...]:
    def pattern_of(kind: str, patterns: Sequence[str]) -> re.Pattern[str]:
        return re.compile("|".join(patterns), re.DOTALL if kind in _WITH_CASE else re.DOTALL | re.IGNORECASE)

    return tuple(_Kind(kind, pattern_of(kind, patterns)) for kind, patterns in table.items())


def remark_in(text: str, header: str = "", name: str = "") -> str | None:
    """The kind of remark or fragment that a text of documentation is; None for one that describes something.

    `header` and `name` are the function's signature and name; its parameters may be all that the text speaks of.
    """
    beginnings, of_sentences = _tables()
    start = text.lstrip(_LEADING)
    for kind, pattern in beginnings:
        if pattern.match(start):
            return kind
    kinds = [_kind_of(sentence, of_sentences, _parameters(header, name)) for sentence in sentences(text)]
    return kinds[0] if kinds and all(kinds) else None


def _kind_of(sentence: str, table: Sequence[_Kind], parameters: frozenset[str]) -> str | None:
    note = _PARAMETER.match(sentence)
    if note is not None and note["name"].strip("`'*_+$") in parameters:
        return "parameter"
    return next((kind for kind, pattern in table if pattern.match(sentence)), None)


@lru_cache(maxsize=16)
def _parameters(header: str, name: str) -> frozenset[str]:
    """The words of a signature behind the function's name: its parameters, their types and defaults."""
    own = re.split(r"[.:#]", name)[-1]
    rest = header.partition(own)[2] if own and own in header else header.partition("(")[2]
    return frozenset(re.findall(r"\w+", rest)) - {own}


def tidied(text: str, function: CodeFunction) -> str:
    """A text without the markup and pointers that `prose_of` leaves, since upstream's own texts do not pass through it.

    That is emphasis and code of RDoc (`_name_`, `+name+`), audiences of TomDoc, sentences that only point elsewhere,
    a list of parameters on the same line, and what introduced an example that was cut. Names that the code itself
    writes so are left alone.
    """
    text = _HTML_COMMENT.sub(" ", text) if "<!--" in text else text
    if "_" in text:
        text = _EMPHASIS.sub(lambda found: found[0] if found[0] in function.code else found["what"], text)
    if function.language == "ruby":
        text = _AUDIENCE.sub("", _TELETYPE.sub(r"`\g<what>`", text))
    text = _HEADING.sub("", _MARK.sub("", _SPACED_SIGN.sub(r"\1", text)))
    parameters = _parameters(function.header, function.name)
    lines = (_without_pointers(_without_parameters(line, parameters)) for line in text.split("\n"))
    return "\n".join(filter(None, lines))


def _without_parameters(line: str, parameters: frozenset[str]) -> str:
    """A line up to the notes on its function's parameters: "Adds a user. name - String with its name"."""
    for note in _NOTE.finditer(line):
        if (note["plain"] or note["made"]).strip("`*") in parameters:
            return line[: note.start()]
    return _NOTES.sub("", line)


def _without_pointers(line: str) -> str:
    shown = _OPEN_END.sub("", _INTRODUCTION.sub("", line)).strip()
    parts = sentences(shown)
    if len(parts) > 1 and _ORIGIN.match(parts[0]):
        parts = parts[1:]
        shown = " ".join(parts)
    if "see" not in shown.lower() and "refer to" not in shown.lower() and "cf" not in shown:
        return shown
    kept = [sentence for sentence in parts if not _POINTER.match(sentence)] if len(parts) > 1 else parts
    shown = " ".join(kept) if len(kept) < len(parts) else shown
    return _LATE_POINTER.sub(".", shown) if shown else shown
