"""Code summarization: say in a sentence what a function does."""

from coma_cli.catalog.material import Function, Material
from coma_cli.catalog.tasks.task import Counterpart, Draft, Task, Wordings

WORDINGS: Wordings = {
    "en": (
        "Summarize what this {language} function does.",
        "Describe in a sentence or two the purpose of the following {language} code.",
        "What does this {language} function do?",
        "Write a short description for the {language} function below.",
        "Read this {language} code and tell what it is for.",
        "Give the first paragraph of the documentation for this {language} function.",
        "Explain briefly what the following {language} code achieves.",
        "A colleague asks what this {language} function is good for. Answer in a few words.",
        "Document this {language} function with a concise summary.",
        "State the task that the {language} code below carries out.",
    ),
    "cn": (
        "用一两句话概括下面这个 {language} 函数的功能。",
        "下面这段 {language} 代码是做什么的？",
        "请为这个 {language} 函数写一段简短的说明。",
        "阅读以下 {language} 代码，说明它的用途。",
        "请简要解释这段 {language} 代码完成了什么任务。",
        "为下面的 {language} 函数写出文档的首段。",
        "同事想知道这个 {language} 函数有什么用，请简短回答。",
        "请总结这段 {language} 程序所做的事情。",
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
    draft=draft,
    code_fields=("input",),
    asks_by_input=True,
    prose_answer=True,
    counterpart=Counterpart(prose="output", code=("input",)),
)
