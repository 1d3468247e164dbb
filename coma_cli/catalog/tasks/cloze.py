"""Cloze test: say which token was masked in a function.

Rows are made of upstream's cloze tests, and of any function with a word in it that has a fixed list of alternatives,
as CT-maxmin asks for `max` or `min`.
"""

from coma_cli.catalog.material import Cloze, Function, Material
from coma_cli.catalog.tasks.task import Draft, Task, Wordings
from coma_cli.records import TextLanguage
from coma_cli.syntax.leaves import leaves

MASK = "<mask>"
# Words of which one is easily taken for another. The first is upstream's own list (CT-maxmin), the others are ours.
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
_CHOICES_OF = {word: choices for choices in reversed(CHOICES) for word in choices}
WORDINGS: Wordings = {
    "en": (
        "One token of this {language} code is replaced by <mask>. Which one was it?",
        "Fill the gap marked <mask> in the following {language} function.",
        "What belongs in the place of <mask> in this {language} code?",
        "Read the description and the {language} code, and name the word that <mask> hides.",
        "Give the token that <mask> stands for in the {language} function below.",
        "Complete the {language} code by the one word that is missing at <mask>.",
        "A word was cut out of this {language} function at <mask>. Write that word and nothing else.",
        "Guess the hidden token (<mask>) of this {language} code from what is around it.",
    ),
    "cn": (
        "这段 {language} 代码中有一个词元被 <mask> 替换，它原来是什么？",
        "请填上下面 {language} 函数中 <mask> 处的空缺。",
        "这段 {language} 代码里 <mask> 的位置应该是什么？",
        "阅读说明和 {language} 代码，写出 <mask> 遮住的词。",
        "请给出以下 {language} 函数中 <mask> 所代表的词元。",
        "用缺失的那个词补全 {language} 代码中的 <mask>。",
        "这个 {language} 函数在 <mask> 处少了一个词，请只写出这个词。",
        "根据上下文推断这段 {language} 代码中被隐藏的词元（<mask>）。",
    ),
}
_LISTED: dict[TextLanguage, str] = {"en": "Choices: {choices}", "cn": "可选：{choices}"}


def draft(material: Material, seed: int) -> Draft | None:
    """What the function does, its code with one token masked, the choices where there are some; and the token."""
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
    """The code with one of its words masked, that word, and its alternatives; None where it has no such word.

    Only names are masked, never what stands in strings and comments, and none in the signature.
    """
    if MASK in function.code:
        return None
    body = len(function.header) if function.code.startswith(function.header) else 0
    found = [
        leaf
        for leaf in leaves(function.language, function.code)
        if leaf.role == "identifier" and leaf.start >= body and leaf.text in _CHOICES_OF
    ]
    if not found:
        return None
    lists = sorted({_CHOICES_OF[leaf.text] for leaf in found})  # the list first: frequent words would crowd out others
    choices = lists[seed % len(lists)]
    among = [leaf for leaf in found if _CHOICES_OF[leaf.text] == choices]
    leaf = among[seed // len(lists) % len(among)]
    return function.code[: leaf.start] + MASK + function.code[leaf.end :], leaf.text, choices


TASK = Task(
    name="cloze-test",
    group="code-to-code",
    form=f"input: what a function does, its code with one token replaced by {MASK}, and the choices where the list of "
    "them is short; output: the token",
    takes=(Cloze, Function),
    draft=draft,
    asks_by_input=True,
)
