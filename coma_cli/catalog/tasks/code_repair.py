"""Code repair: write a function again without its bug."""

from coma_cli.catalog.material import Material, Repair
from coma_cli.catalog.tasks.task import Draft, Task, Wordings

WORDINGS: Wordings = {
    "en": (
        "Fix the bug in this {language} function.",
        "The {language} code below does not work as it should. Write the corrected version.",
        "Repair the following {language} function.",
        "There is a mistake in this {language} code. Give the whole function without it.",
        "Correct this faulty {language} function.",
        "Find what is wrong in the {language} code and write it anew, mended.",
        "A test of this {language} function fails. Change the function so that it is right.",
        "Rewrite the {language} function below so that its error is gone.",
    ),
    "cn": (
        "修复这个 {language} 函数中的错误。",
        "下面的 {language} 代码没有按预期工作，请写出修正后的版本。",
        "请修复以下 {language} 函数。",
        "这段 {language} 代码里有一处错误，请给出不含该错误的完整函数。",
        "请改正这个有问题的 {language} 函数。",
        "找出这段 {language} 代码的问题，并写出修正后的代码。",
        "这个 {language} 函数没有通过测试，请修改它使其正确。",
        "重写下面的 {language} 函数，消除其中的错误。",
    ),
}
ABSTRACTED_WORDINGS: Wordings = {
    "en": (
        "Fix the bug in this tokenized {language} function, in which names and literals are abstracted.",
        "The names in this {language} code were replaced by placeholders. Write the corrected token sequence.",
        "Repair the following abstracted {language} function and keep its placeholders.",
        "This row of {language} tokens (VAR_1, METHOD_1 and so on stand for names) holds a mistake. Correct it.",
        "Correct this faulty {language} function; names and literals are anonymous, tokens stand between blanks.",
        "Find what is wrong in the abstracted {language} code and write it anew in the same form, mended.",
        "The anonymized {language} function below has a bug. Give the same tokens without the bug.",
        "Rewrite this {language} function, given as abstract tokens, so that its error is gone.",
    ),
    "cn": (
        "修复这个已分词并抽象化的 {language} 函数中的错误。",
        "这段 {language} 代码中的名称已换成占位符，请写出修正后的词元序列。",
        "请修复下面抽象化的 {language} 函数，并保留其中的占位符。",
        "这串 {language} 词元（VAR_1、METHOD_1 等代表名称）中有一处错误，请改正。",
        "请改正这个有问题的 {language} 函数；名称和字面量已匿名，词元以空格分隔。",
        "找出这段抽象化 {language} 代码的问题，并以相同形式写出修正后的代码。",
        "下面的匿名 {language} 函数含有错误，请给出不含该错误的词元序列。",
        "这个 {language} 函数以抽象词元给出，请重写它并消除错误。",
    ),
}


def draft(material: Material, seed: int) -> Draft | None:
    """The function with its bug, and it mended."""
    if not isinstance(material, Repair):
        return None
    wordings = ABSTRACTED_WORDINGS if material.abstracted else WORDINGS
    return Draft(material.buggy, material.fixed, wordings=wordings)


TASK = Task(
    name="code-repair",
    group="code-to-code",
    form="input: a function with a bug; output: the whole function without it",
    takes=(Repair,),
    draft=draft,
    asks_by_input=True,
)
