"""The documentation of a Ruby method alone, where upstream's begins with that of a constructor.

CodeSearchNet skipped `initialize`, but not the comment above it, which comes before the comment of the next method.
A description comes before its tags, so a text after the tags of a constructor's is that of the method itself.
"""

import re

_CONSTRUCTOR = re.compile(
    r"\s*(?:this is )?(?:the )?(?:constructor\b|creates? (?:an? )?(?:new|instance)\b|constructs?\b|initiali[sz]es?\b"
    r"|to initiali[sz]e\b|create an? [\w ]+ client\b)",
    re.IGNORECASE,
)
_CONSTRUCTORS = re.compile(r"(?:new|initialize|create|build|make|from|construct)(?:$|_)|self$")
_TAG = re.compile(
    r"(?P<indent>[ \t]*)(?:@(?:param|option|return|raise|yield\w*|example|api|see|since|todo|private|overload|note|!)"
    r"|(?P<section>={2,6} ?\w|\[?\w+\]?:: ))"
)
_PROSE = re.compile(r"[A-Z][\w']*(?:[ ,]+[\w'`+#@*.()/-]+){2,}")
# What goes on about the same thing.
_GOES_ON = re.compile(r"(?:If|When|With|In fact|It|However|Note|By default|The following|This (?!method|function))\b")


def own_documentation(documentation: str, language: str, name: str) -> str:
    """The method's own part of a text that begins with a constructor's; else the whole text.

    `name` is the method's, perhaps qualified by its classes.
    """
    is_constructor = _CONSTRUCTORS.match(re.split(r"[.:#]", name)[-1]) is not None
    if language != "ruby" or is_constructor or _CONSTRUCTOR.match(documentation) is None:
        return documentation
    lines = documentation.split("\n")
    indent: str | None = None
    section = False
    for number, line in enumerate(lines):
        tag = _TAG.match(line)
        if tag is not None:
            indent, section = tag["indent"], tag["section"] is not None
        elif indent is not None and _begins(line, indent) and (section or not lines[number - 1].strip()):
            return "\n".join(lines[number:])
    return documentation


def _begins(line: str, indent: str) -> bool:
    """Whether a line at the margin of the tags begins a description."""
    text = line[len(indent) :]
    return line.startswith(indent) and _PROSE.match(text) is not None and _GOES_ON.match(text) is None
