"""Line completion: given the beginning of a function, write its next line."""

from coma_cli.catalog.sources.material import Function, Material
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


def draft(material: Material, seed: int) -> Draft | None:
    """The function up to a line worth completing, and that line without its indentation."""
    if not isinstance(material, Function):
        return None
    fresh = [(start, end) for start, end in material.cuts if material.code[start:end] not in material.code[:start]]
    if not fresh:
        return None
    start, end = fresh[seed % len(fresh)]
    return Draft(input=material.code[:start].rstrip(), output=material.code[start:end], wordings=WORDINGS)


TASK = Task(
    name="line-completion",
    group="code-to-code",
    form="input: the beginning of a function; output: its next line, without indentation",
    draft=draft,
    asks_by_input=True,
)
