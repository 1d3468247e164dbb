"""Cloze test: predict the token that was masked in a function.

Rows come from upstream's cloze tests, and from any function with a word that has a fixed list of alternatives, as
CT-maxmin asks for `max` or `min`.
"""

import re
from functools import lru_cache

from coma_cli.catalog.material import Cloze, Function, Material
from coma_cli.catalog.tasks.task import Draft, Task, Wordings
from coma_cli.records import TextLanguage
from coma_cli.syntax.leaves import leaves

MASK = "<mask>"
# Words that are easily confused. The first list is upstream's own (CT-maxmin), the others are ours.
CHOICES: tuple[tuple[str, ...], ...] = (
    ("max", "min"),
    ("append", "extend", "insert", "remove"),
    ("push", "pop", "shift", "unshift"),
    ("first", "last"),
    ("start", "end"),
    ("before", "after"),
    ("next", "previous"),
    ("left", "right"),
    ("top", "bottom"),
    ("width", "height"),
    ("keys", "values", "items"),
    ("key", "value"),
    ("add", "remove"),
    ("open", "close"),
    ("read", "write"),
    ("encode", "decode"),
    ("lower", "upper"),
    ("floor", "ceil"),
    ("startswith", "endswith"),
    ("startsWith", "endsWith"),
    ("indexOf", "lastIndexOf"),
    ("any", "all"),
    ("some", "every"),
    ("union", "intersection", "difference"),
    ("request", "response"),
    ("source", "target"),
    ("parent", "child"),
    ("row", "column"),
)
# Lists of which any word would make a program, so that only other text tells which one it was; and other words for it.
_NEED_EVIDENCE: dict[str, str] = {
    "max": "max|largest|greatest|highest|longest|most|upper|limit|ceiling",
    "min": "min|smallest|lowest|shortest|least|lower|floor",
    "push": "push|add|append|enqueue|collect",
    "pop": "pop|stack|top|last",
    "shift": "shift|dequeue|queue|next|first",
    "unshift": "unshift|prepend|front",
    "first": "first|initial|head|begin",
    "last": "last|latest|final|tail",
    "start": "start|begin|first",
    "end": "ends?_|_end|finish|stop|last",
    "before": "before|prior|earlier",
    "after": "after|later|follow",
    "next": "next|following|forward",
    "previous": "prev|preceding|back",
    "left": "left",
    "right": "right",
    "top": "top|upper|above",
    "bottom": "bottom|lower|below",
    "width": "width|horizontal|col",
    "height": "height|vertical|row",
    "add": "add|append|new|insert|creat|regist|collect",
    "remove": "remov|delet|clear|unregist|drop|without",
    "lower": "lower|down|case",
    "upper": "upper|capital|case",
    "floor": "floor|round(?:s|ed|ing)? down|truncat|whole",
    "ceil": "ceil|round(?:s|ed|ing)? up",
    "startswith": "start|prefix|begin",
    "endswith": "ends|suffix|extension",
    "startsWith": "start|prefix|begin",
    "endsWith": "ends|suffix|extension",
    "indexOf": "index|find|contain|first|position",
    "lastIndexOf": "last|final|extension",
    "any": "any|some|at least one|exist",
    "all": "all_|all\\b|every",
    "some": "any|some|at least one|exist",
    "every": "all_|all\\b|every",
    "union": "union|merg|combin|both|either",
    "intersection": "intersect|common|both|shared",
    "difference": "differ|without|exclud|missing|minus|only",
    "source": "source|src|from|input",
    "target": "target|dest|output",
    "parent": "parent|ancestor|outer",
    "child": "child|descend|inner",
    "row": "row|line",
    "column": "col",
}
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_CHOICES_OF = {word: choices for choices in reversed(CHOICES) for word in choices}
WORDINGS: Wordings = {
    "en": (
        "One token of this {language} code has been replaced by <mask>. Which one was it?",
        "Fill in the blank marked <mask> in the following {language} function.",
        "What should replace <mask> in this {language} code?",
        "Read the {language} code and name the word that <mask> hides.",
        "Give the token that <mask> stands for in the {language} function below.",
        "Complete the {language} code with the missing word at <mask>.",
        "A word was removed from this {language} function at <mask>. Write that word and nothing else.",
        "Predict the masked token (<mask>) in this {language} code from its context.",
    ),
    "cn": (
        "这段 {language} 代码中有一个 token 被替换为 <mask>，它原来是什么？",
        "请填写下面 {language} 函数中 <mask> 处的空缺。",
        "这段 {language} 代码中 <mask> 的位置应该是什么？",
        "阅读这段 {language} 代码，写出被 <mask> 遮住的词。",
        "请给出以下 {language} 函数中 <mask> 所代表的 token。",
        "请在 <mask> 处填入缺失的词，补全这段 {language} 代码。",
        "这个 {language} 函数在 <mask> 处缺了一个词，请只写出这个词。",
        "根据上下文推断这段 {language} 代码中被遮住的 token（<mask>）。",
    ),
}
_LISTED: dict[TextLanguage, str] = {"en": "Choices: {choices}", "cn": "可选：{choices}"}


def draft(material: Material, seed: int) -> Draft | None:
    """The description, the code with one token masked and the choices, if any; and the token."""
    match material:
        case Cloze():
            code, answer, choices = " ".join(material.tokens), material.answer, material.choices
            description = material.description
        case Function() if (masked := _masked(material, seed)) is not None:
            code, answer, choices = masked
            description = material.summary
        case _:
            return None
    listed = _LISTED[material.text_language].format(choices=", ".join(choices)) if choices else ""
    return Draft("\n\n".join(filter(None, (description, code, listed))), answer, wordings=WORDINGS)


def _masked(function: Function, seed: int) -> tuple[str, str, tuple[str, ...]] | None:
    """The code with one word masked, that word and its alternatives; None if the code has no such word.

    Only names in the body are masked, never words in strings, comments or the signature; and only those that the rest
    of the code or the description tells.
    """
    if MASK in function.code:
        return None
    body = len(function.header) if function.code.startswith(function.header) else 0
    found = [
        leaf
        for leaf in leaves(function.language, function.code)
        if leaf.role == "identifier" and leaf.start >= body and leaf.text in _CHOICES_OF
    ]
    text = f"{function.summary}\n{function.code}"
    found = [leaf for leaf in found if _is_told(leaf.text, text)]
    if not found:
        return None
    # Choose the list first: frequent words would crowd out others.
    lists = sorted({_CHOICES_OF[leaf.text] for leaf in found})
    choices = lists[seed % len(lists)]
    among = [leaf for leaf in found if _CHOICES_OF[leaf.text] == choices]
    leaf = among[seed // len(lists) % len(among)]
    return function.code[: leaf.start] + MASK + function.code[leaf.end :], leaf.text, choices


def _is_told(word: str, text: str) -> bool:
    """Whether a text speaks of a word apart from one use of it, and no less often than of those it may be taken for."""
    if word not in _NEED_EVIDENCE:
        return True
    words = _HUMP.sub("_", text).lower()
    counts = {choice: len(_evidence(choice).findall(words)) for choice in _CHOICES_OF[word]}
    own = counts.pop(word) - 1
    return own >= max(1, *counts.values())


@lru_cache(maxsize=64)
def _evidence(word: str) -> re.Pattern[str]:
    """Finds a word and others that mean the same, at the beginning of a part of a name, in lower case."""
    return re.compile(rf"(?<![a-z])(?:{_NEED_EVIDENCE.get(word, re.escape(word)).lower()})")


TASK = Task(
    name="cloze-test",
    group="code-to-code",
    form=f"input: a function's description, its code with one token replaced by {MASK}, and the choices where there is "
    "a short list of them; output: the token",
    takes=(Cloze, Function),
    measure="word",
    draft=draft,
    wordings=(WORDINGS,),
    asks_by_input=True,
    hub_category="fill-mask",
)
