"""Line completion: given the beginning of a function, write its next line; given part of a line, write the rest."""

from coma_cli.catalog.material import Function, Material, Snippet, UnfinishedCode
from coma_cli.catalog.tasks.task import Draft, Task, Wordings
from coma_cli.syntax.completable import why_not_completable

WORDINGS: Wordings = {
    "en": (
        "Write the next line of this {language} code.",
        "Which line comes next in the following {language} function?",
        "Continue this {language} code with exactly one more line.",
        "The {language} function below is unfinished. Give the line that comes next.",
        "Predict the next line of this {language} code.",
        "Add the next line to this unfinished {language} function.",
        "What would you type next in this {language} code? Answer with a single line.",
        "Suggest the line that follows this piece of {language} code.",
    ),
    "cn": (
        "写出这段 {language} 代码的下一行。",
        "下面的 {language} 函数接下来应该是哪一行？",
        "请将这段 {language} 代码续写一行。",
        "以下 {language} 函数尚未写完，请给出紧接着的一行。",
        "预测这段 {language} 代码的下一行。",
        "请为未写完的 {language} 函数补上下一行。",
        "在这段 {language} 代码里，下一行你会写什么？只回答一行。",
        "请给出紧跟在这段 {language} 代码后面的一行。",
    ),
}
UNFINISHED_WORDINGS: Wordings = {
    "en": (
        "Continue this tokenized {language} code to the end of the line.",
        "These {language} tokens stop before the end of a line. Give the rest of the line.",
        "How does the current line of this {language} code continue? Tokens are space-separated.",
        "Complete the line at the end of the following {language} tokens.",
        "Predict the remaining tokens of the current {language} line.",
        "Write the tokens that come next in this {language} code, up to the end of the line.",
        "The {language} token sequence below is cut off. Continue it to the end of the line.",
        "Complete the last line of this {language} token sequence.",
    ),
    "cn": (
        "请将这段已分词的 {language} 代码续写到行末。",
        "这段 {language} token 序列没有写到行末，请给出该行的剩余部分。",
        "这段 {language} 代码（token 以空格分隔）的当前行如何继续？",
        "请补全以下 {language} token 序列末尾的一行。",
        "预测当前行 {language} 代码剩余的 token。",
        "写出这段 {language} 代码接下来的 token，直到行末。",
        "下面的 {language} token 序列被截断，请续写到行末。",
        "请补全这段 {language} token 序列的最后一行。",
    ),
}
STATEMENT_WORDINGS: Wordings = {
    "en": (
        "Continue this tokenized {language} code to the next semicolon or brace.",
        "These {language} tokens are cut off. Give the tokens up to the next `;` or brace.",
        "How does this {language} code continue, up to the next semicolon or brace? Tokens are space-separated.",
        "Complete the following {language} tokens up to the next semicolon or brace.",
        "Predict the next tokens of this {language} code, as far as the next semicolon or brace.",
        "Write the tokens that come next in this {language} code, up to the next semicolon or brace.",
        "The {language} token sequence below breaks off. Continue it to the next semicolon or brace.",
        "Which tokens come next in this {language} token sequence, up to a semicolon or brace?",
    ),
    "cn": (
        "请将这段已分词的 {language} 代码续写到下一个分号或花括号。",
        "这段 {language} token 序列没有写完，请给出到下一个分号或花括号为止的 token。",
        "这段 {language} 代码（token 以空格分隔）接下来如何继续，直到下一个分号或花括号？",
        "请补全以下 {language} token 序列，直到下一个分号或花括号。",
        "预测这段 {language} 代码接下来的 token，直到下一个分号或花括号。",
        "写出这段 {language} 代码接下来的 token，直到下一个分号或花括号。",
        "下面的 {language} token 序列被截断，请续写到下一个分号或花括号。",
        "这段 {language} token 序列接下来是哪些 token？请写到分号或花括号为止。",
    ),
}
# A long beginning is cut at its start to this many characters, about a thousand tokens.
_MAX_CONTEXT_CHARS = 4000


def draft(material: Material, seed: int) -> Draft | None:
    """The function up to a line worth completing, and that line without its indentation; or upstream's own cut."""
    match material:
        case UnfinishedCode():
            wordings = STATEMENT_WORDINGS if material.language == "java" else UNFINISHED_WORDINGS
            return Draft(_end_of(material.before), material.line, wordings=wordings)
        case Function():
            return _cut(material.code, material.cuts, seed)
        case Snippet():
            return _cut(*_code_and_cuts(material), seed)
        case _:
            return None


def _code_and_cuts(snippet: Snippet) -> tuple[str, tuple[tuple[int, int], ...]]:
    """A snippet's code without documentation, and the lines worth completing, found by its grammar."""
    from coma_cli.syntax.functions import without_documentation

    function = without_documentation(snippet.language, snippet.code)
    return (function.code, function.cuts) if function else (snippet.code, ())


def _cut(code: str, cuts: tuple[tuple[int, int], ...], seed: int) -> Draft | None:
    fresh = [
        (start, end)
        for start, end in cuts
        if code[start:end] not in code[:start] and why_not_completable("", "", code[:start], code[start:end]) is None
    ]
    if not fresh:
        return None
    start, end = fresh[seed % len(fresh)]
    return Draft(input=code[:start].rstrip(), output=code[start:end], wordings=WORDINGS)


def _end_of(before: str) -> str:
    """The end of a text, starting at a whole token."""
    if len(before) <= _MAX_CONTEXT_CHARS:
        return before
    return before[-_MAX_CONTEXT_CHARS:].partition(" ")[2].lstrip()


TASK = Task(
    name="line-completion",
    group="code-to-code",
    form="input: the beginning of a function; output: its next line, without indentation. For upstream's tokenized "
    "code, output: the rest of the current line or, in Java, statement",
    takes=(UnfinishedCode, Function, Snippet),
    measure="line",
    draft=draft,
    wordings=(WORDINGS, UNFINISHED_WORDINGS, STATEMENT_WORDINGS),
    asks_by_input=True,
)
