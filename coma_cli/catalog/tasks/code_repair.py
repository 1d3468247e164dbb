"""Code repair: fix the bug in a function."""

from coma_cli.catalog.material import Material, Repair
from coma_cli.catalog.tasks.flaws import wordings_by_flaw
from coma_cli.catalog.tasks.task import Draft, Task, Wordings

WORDINGS: Wordings = {
    "en": (
        "Fix the bug in this {language} function.",
        "The {language} code below does not work as intended. Write the corrected version.",
        "Debug the following {language} function.",
        "This {language} code contains a bug. Give the whole function with the bug fixed.",
        "Correct this buggy {language} function.",
        "Find what is wrong with the {language} code and rewrite it correctly.",
        "This {language} function is broken. Change it so that it works correctly.",
        "Rewrite the {language} function below so that the bug is fixed.",
    ),
    "cn": (
        "修复这个 {language} 函数中的 bug。",
        "下面的 {language} 代码没有按预期工作，请写出修正后的版本。",
        "请修复以下 {language} 函数。",
        "这段 {language} 代码中有一处错误，请给出修复后的完整函数。",
        "请改正这个有问题的 {language} 函数。",
        "找出这段 {language} 代码的问题，并写出修正后的代码。",
        "这个 {language} 函数的行为不正确，请修改它，使其正常工作。",
        "重写下面的 {language} 函数，修复其中的错误。",
    ),
}
FLAW_WORDINGS: Wordings = {
    "en": (
        "This {language} function contains {flaw}. Fix it.",
        "Find and fix {flaw} in the following {language} code.",
    ),
    "cn": (
        "这个 {language} 函数中有{flaw}，请修复。",
        "找出并修复下面 {language} 代码中{flaw}的问题。",
    ),
}
INJECTED_WORDINGS = wordings_by_flaw(WORDINGS, FLAW_WORDINGS)
ABSTRACTED_WORDINGS: Wordings = {
    "en": (
        "Fix the bug in this tokenized {language} function, whose names and literals are abstracted.",
        "The names in this buggy {language} code are replaced by placeholders. Write the corrected token sequence.",
        "Fix the following abstracted {language} function and keep its placeholders.",
        "This {language} token sequence (VAR_1, METHOD_1 and so on stand for names) contains a bug. Fix it.",
        "Correct this buggy {language} function. Names and literals are anonymized, and tokens are space-separated.",
        "Find what is wrong with the abstracted {language} code and rewrite it correctly in the same form.",
        "The anonymized {language} function below has a bug. Give the token sequence with the bug fixed.",
        "Rewrite this {language} function, given as abstract tokens, so that the bug is fixed.",
    ),
    "cn": (
        "修复这个已分词并抽象化的 {language} 函数中的 bug。",
        "这段有错误的 {language} 代码中，标识符已替换为占位符，请写出修正后的 token 序列。",
        "请修复下面抽象化的 {language} 函数，并保留其中的占位符。",
        "这段 {language} token 序列（VAR_1、METHOD_1 等代表标识符）中有一处错误，请修复。",
        "请改正这个有问题的 {language} 函数；标识符和字面量已匿名化，token 以空格分隔。",
        "找出这段抽象化 {language} 代码的问题，并以相同形式写出修正后的代码。",
        "下面的匿名化 {language} 函数含有错误，请给出修复后的 token 序列。",
        "这个 {language} 函数以抽象 token 的形式给出，请重写它并修复其中的错误。",
    ),
}


def draft(material: Material, seed: int) -> Draft | None:
    """The buggy function and the fixed one."""
    if not isinstance(material, Repair):
        return None
    wordings = ABSTRACTED_WORDINGS if material.abstracted else INJECTED_WORDINGS.get(material.flaw, WORDINGS)
    return Draft(material.buggy, material.fixed, wordings=wordings)


TASK = Task(
    name="code-repair",
    group="code-to-code",
    form="input: a function with a bug; output: the whole function with the bug fixed",
    takes=(Repair,),
    measure="rewrite",
    draft=draft,
    wordings=(WORDINGS, *INJECTED_WORDINGS.values(), ABSTRACTED_WORDINGS),
    asks_by_input=True,
)
