"""Code summarization: describe what a function does."""

from coma_cli.catalog.material import Function, Material
from coma_cli.catalog.tasks.task import Counterpart, Draft, Task, Wordings

WORDINGS: Wordings = {
    "en": (
        "Summarize what this {language} function does.",
        "Describe the purpose of the following {language} code.",
        "What does this {language} function do?",
        "Write a description of the {language} function below.",
        "Read this {language} code and explain what it does.",
        "Write the first paragraph of the documentation for this {language} function.",
        "What is the purpose of the following {language} function?",
        "A colleague asks what this {language} function does. How would you explain it?",
        "Document this {language} function with a summary.",
        "State what the {language} code below does.",
    ),
    "cn": (
        "请概括下面这个 {language} 函数的功能。",
        "下面这段 {language} 代码是做什么的？",
        "请为这个 {language} 函数写一段功能说明。",
        "阅读以下 {language} 代码，说明它的作用。",
        "请解释这段 {language} 代码实现了什么功能。",
        "请为下面的 {language} 函数编写文档的第一段。",
        "同事问这个 {language} 函数是做什么的，你会怎么解释？",
        "请总结这段 {language} 代码做了什么。",
    ),
}


def draft(material: Material, seed: int) -> Draft | None:
    """The function without its documentation, and the documentation's first paragraph."""
    if not isinstance(material, Function):
        return None
    return Draft(input=material.code, output=material.summary, wordings=WORDINGS)


TASK = Task(
    name="code-summarization",
    group="code-to-text",
    form="input: a function without its documentation; output: the first paragraph of that documentation",
    takes=(Function,),
    measure="summary",
    draft=draft,
    wordings=(WORDINGS,),
    code_fields=("input",),
    asks_by_input=True,
    prose_answer=True,
    counterpart=Counterpart(prose="output", code=("input",)),
    hub_category="summarization",
)
