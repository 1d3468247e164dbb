"""Line completion: given the beginning of a function, write its next line; given half of a line, the rest of it."""

from coma_cli.catalog.material import Function, Material, Snippet, UnfinishedCode
from coma_cli.catalog.tasks.task import Draft, Task, Wordings

WORDINGS: Wordings = {
    "en": (
        "Write the next line of this {language} code.",
        "Which line comes next in the following {language} function?",
        "Continue this {language} code by exactly one line.",
        "The {language} function below breaks off. Give the line that follows.",
        "Predict the next line of {language} code.",
        "Complete the unfinished {language} function by one more line.",
        "What would you type next in this {language} code? Answer with a single line.",
        "Suggest the line that follows in this piece of {language} code.",
    ),
    "cn": (
        "写出这段 {language} 代码的下一行。",
        "下面的 {language} 函数接下来应该是哪一行？",
        "请将这段 {language} 代码续写一行。",
        "以下 {language} 函数在中途断开，请给出紧接着的一行。",
        "预测下一行 {language} 代码。",
        "请为未写完的 {language} 函数补上一行。",
        "在这段 {language} 代码里，下一行你会写什么？只回答一行。",
        "请给出这段 {language} 代码后面的一行。",
    ),
}
UNFINISHED_WORDINGS: Wordings = {
    "en": (
        "Finish the last line of this tokenized {language} code.",
        "These {language} tokens break off within a line. Give the rest of it.",
        "How does the last line of this {language} code go on? It is given as tokens between blanks.",
        "Complete the unfinished line at the end of the following {language} tokens.",
        "Predict the remaining tokens of the last {language} line.",
        "Write the tokens that are missing in the last line of this {language} code.",
        "The row of {language} tokens below stops in the middle of a line. Continue to the end of that line.",
        "Bring the last line of this {language} token sequence to its end.",
    ),
    "cn": (
        "请补完这段已分词的 {language} 代码的最后一行。",
        "这串 {language} 词元在一行中间断开，请给出该行剩余部分。",
        "这段 {language} 代码（词元以空格分隔）的最后一行如何继续？",
        "补全以下 {language} 词元末尾未写完的一行。",
        "预测最后一行 {language} 代码剩下的词元。",
        "写出这段 {language} 代码最后一行缺少的词元。",
        "下面的 {language} 词元序列停在一行中间，请续写到行末。",
        "请把这串 {language} 词元的最后一行写完整。",
    ),
}
# Of a long beginning the end counts: so many characters, about a thousand tokens.
_MAX_CONTEXT_CHARS = 4000


def draft(material: Material, seed: int) -> Draft | None:
    """The function up to a line worth completing, and that line without its indentation; or what upstream cut."""
    match material:
        case UnfinishedCode():
            return Draft(_end_of(material.before), material.line, wordings=UNFINISHED_WORDINGS)
        case Function():
            return _cut(material.code, material.cuts, seed)
        case Snippet():
            return _cut(*_code_and_cuts(material), seed)
        case _:
            return None


def _code_and_cuts(snippet: Snippet) -> tuple[str, tuple[tuple[int, int], ...]]:
    """A snippet's code without documentation, and the places worth asking for, by its grammar."""
    from coma_cli.syntax.functions import without_documentation

    function = without_documentation(snippet.language, snippet.code)
    return (function.code, function.cuts) if function else (snippet.code, ())


def _cut(code: str, cuts: tuple[tuple[int, int], ...], seed: int) -> Draft | None:
    fresh = [(start, end) for start, end in cuts if code[start:end] not in code[:start]]
    if not fresh:
        return None
    start, end = fresh[seed % len(fresh)]
    return Draft(input=code[:start].rstrip(), output=code[start:end], wordings=WORDINGS)


def _end_of(before: str) -> str:
    """The end of a text, from a whole token on."""
    if len(before) <= _MAX_CONTEXT_CHARS:
        return before
    return before[-_MAX_CONTEXT_CHARS:].partition(" ")[2].lstrip()


TASK = Task(
    name="line-completion",
    group="code-to-code",
    form="input: the beginning of a function; output: its next line, without indentation. Where upstream cut within a "
    "line (tokenized code): output: the rest of that line",
    takes=(UnfinishedCode, Function, Snippet),
    draft=draft,
    asks_by_input=True,
)
