"""Texts about a constructor, a copy or a comparison that precede another Ruby method.

CodeSearchNet skipped `initialize`, `dup`, `clone`, `==`, `<=>` and the like, but not the comments above them, which
became part of that of the next method (`BLACKLISTED_FUNCTION_NAMES` in its `ruby_parser.py`).
"""

import re

from coma_cli.syntax.function import CodeFunction
from coma_cli.words import sentences

_VERB = r"(?:create|construct|instantiate|initiali[sz]e)s?"
# What speaks of a constructor: by name, by its verb, of a "new" object, of a class, or with no more than a noun.
_CONSTRUCTS = re.compile(
    r"(?i:this is )?(?i:the )?(?i:default |private )?(?i:constructors?|initiali[sz]er)\b(?!\w* that)"
    r"|(?i:to )?(?i:instantiate|initiali[sz]e)s? (?!(?i:all|each|every)\b)"
    rf"|(?i:{_VERB} (?:an?|the) (?:new|instance|internal model)\b)"
    rf"|(?i:{_VERB} (?:an?|the) (?:[\w.:]+ ){{1,3}}(?:object|instance|class|client)\b)"
    rf"|(?i:{_VERB} new \w+\.?\Z)"
    rf"|(?i:{_VERB}) (?i:an?|the) (?:[A-Z][a-z]+){{2,}}\b"
    rf"|(?i:{_VERB} (?:(?:an?|the) )?\w+\.?\Z|{_VERB} (?!all\b|each\b|every\b)\w+ \w+\.?\Z)"
    r"|(?i:returns? (?:an?|the) (?:new )?\w+ instance\.?\Z)"
)
# Two texts joined: "Creates a parser initialize Parse a loop", "Initialize the parser with a file Parse the file".
_JOINED = re.compile(
    rf"(?i:{_VERB}) (?:[^.]*\binitialize (?=[A-Z][a-z])|(?:[a-z]+ ){{2,10}}[A-Z][a-z]+ (?:an?|the|all|each|every) )"
)
# What speaks of a copy, an equality or an order, and what shows that a method has to do with it.
_OTHERS = (
    (
        r"(?:make|create|return|perform)s? (?:an? )?(?:deep |shallow )(?:copy|clone|duplicate)\b",
        r"dup|clone|cop(?:y|ie)|Marshal|\.new\b",
    ),
    (
        r"(?:(?:checks?|tests?|determines?|returns?(?: true)?) (?:if|whether) [^.]*\b(?:equal to|identical to|same as)"
        r"|equality\b|comparison (?:operator|method)\b)",
        r"==|=~|eql|equal|same|compar|<=>|diff|match",
    ),
    (r"[^.]*\bdeterministic (?:order|sequence)\b|.*\. [^.]* are sorted by\b", r"sort|<=>|order|max|min"),
)
_SKIPPED = tuple((re.compile(text, re.IGNORECASE), re.compile(evidence, re.IGNORECASE)) for text, evidence in _OTHERS)
# The noun phrase that is made, up to what is said about it.
_MADE = re.compile(
    rf"(?:to )?(?:{_VERB}|returns?|(?:\w+ ){{0,3}}(?:constructors?|initiali[sz]er) (?:for|of))"
    r" (?:(?:an?|the|new|instance|of|this|our|its) )*(?P<phrase>.*)",
    re.IGNORECASE | re.DOTALL,
)
_PHRASE_END = re.compile(
    r"[.,;:(]|(?:\A|\s)(?:an?|and|as|at|based|be|by|containing|for|from|given|if|in|into|of|on|or|out|so|that|the|to|used|using"
    r"|when|which|whose|with)\b",
    re.IGNORECASE,
)
_NO_NOUN = frozenset({"object", "instance", "class", "new", "one"})
_MAKING_NAME = re.compile(
    r"(?:^|_)(?:new|creat\w*|build\w*|init(?:iali[sz]\w*)?|instan\w*|constructor|mak(?:e|es|ing)|add\w*|insert\w*|clone|dup"
    r"|copy|defin\w*|generat\w*|alloc\w*|register\w*|open\w*|setup|set_up|spawn\w*|start\w*|from)(?:_|\b)",
    re.IGNORECASE,
)
_RECEIVER = re.compile(r"(?P<receiver>[\w:.@)\]]+)\.(?:new|create\w*|build\w*|open|instance)\b")
_MAKES_ITS_OWN = re.compile(
    r"(?:^|[=({|])\s*(?:new|allocate|initialize)\b *\(|\b(?:class|self)\.new\b|\bsuper\b", re.MULTILINE
)
_COPIES = re.compile(r"\.(?:clone|dup|extend|const_get)\b")
_MAKING_CALL = re.compile(
    r"(?<!\w)(?:post|insert|create\w*|add\w*|register\w*|build\w*|generate\w*|make\w*|_op)\b[ (!]"
)
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_STEM = 5  # characters: "connect" and "connection" count as one word


def speaks_of_a_skipped_method(text: str, function: CodeFunction) -> bool:
    """Whether a text describes the making of an object in Ruby, or its comparison, while the method does no such thing.

    A method makes an object if its name says so or names the object, if the class that it instantiates does, or if it
    calls something that makes and names the object.
    """
    if function.language != "ruby":
        return False
    if _JOINED.match(text):
        return True
    if any(spoken.match(text) and not evidence.search(function.code) for spoken, evidence in _SKIPPED):
        return True
    parts = sentences(text)
    first = parts[0] if parts else text
    return _CONSTRUCTS.match(first) is not None and not _makes(first, function)


def _makes(text: str, function: CodeFunction) -> bool:
    name = re.split(r"[.:#]", function.name)[-1]
    code = function.code
    if _MAKING_NAME.search(name) or _MAKES_ITS_OWN.search(code):
        return True
    nouns = _head(text)
    if not nouns:
        return any(pattern.search(code) for pattern in (_RECEIVER, _MAKING_CALL, _COPIES))
    receivers = " ".join(found["receiver"] for found in _RECEIVER.finditer(code))
    if nouns & (_stems(name) | _stems(receivers)):
        return True
    return any(_MAKING_CALL.search(line) and nouns & _stems(line) for line in code.split("\n"))


def _head(text: str) -> frozenset[str]:
    """The stems of the noun that is made: the final one of its phrase that is not like "object"."""
    found = _MADE.match(text)
    phrase = _PHRASE_END.split(found["phrase"], maxsplit=1)[0] if found is not None else ""
    nouns = [word for word in re.findall(r"\w+", phrase) if word.lower() not in _NO_NOUN and _parts(word)]
    return frozenset([_parts(nouns[-1])[-1]]) if nouns else frozenset()


def _stems(text: str) -> frozenset[str]:
    return frozenset(_parts(text))


def _parts(text: str) -> tuple[str, ...]:
    """The stems of the words that a text's names are made of: "CredentialHandler" has two."""
    return tuple(part.lower()[:_STEM] for part in _PART.findall(text))
