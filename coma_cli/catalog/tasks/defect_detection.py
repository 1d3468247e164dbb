"""Defect detection: tell whether a function has a defect, or which one."""

from collections.abc import Mapping

from coma_cli.catalog.material import JudgedFunction, Material
from coma_cli.catalog.tasks.flaws import FLAWS, wordings_by_flaw
from coma_cli.catalog.tasks.task import Draft, Task, Wordings
from coma_cli.records import TextLanguage

WORDINGS: Wordings = {
    "en": (
        "Does this {language} function contain a defect? Answer yes or no.",
        "Is there a bug in the following {language} code? Answer yes or no.",
        "Decide whether the {language} function below is defective. Answer yes or no.",
        "Answer yes if this {language} function has a bug, and no if it doesn't.",
        "Review the {language} code and decide whether something is wrong with it (yes/no).",
        "Is the {language} function below faulty? Answer yes or no.",
        "You are reviewing {language} code. Would you flag this function as defective? Answer yes or no.",
        "Does this piece of {language} code need a fix? Answer yes or no.",
    ),
    "cn": (
        "这个 {language} 函数是否存在缺陷？请回答“有缺陷”或“无缺陷”。",
        "请检查下面的 {language} 代码是否有 bug，只回答“有缺陷”或“无缺陷”。",
        "判断以下 {language} 函数是否有错误，回答“有缺陷”或“无缺陷”。",
        "如果该 {language} 函数含有 bug，请回答“有缺陷”，否则回答“无缺陷”。",
        "请审查这段 {language} 代码，结论用“有缺陷”或“无缺陷”表示。",
        "下面的 {language} 函数有问题吗？有则回答“有缺陷”，没有则回答“无缺陷”。",
        "假设你在评审 {language} 代码，这个函数“有缺陷”还是“无缺陷”？",
        "这段 {language} 代码需要修复吗？需要则回答“有缺陷”，不需要则回答“无缺陷”。",
    ),
}
LOGIC_WORDINGS: Wordings = {
    "en": (
        "Does this {language} function contain a logic error? Answer yes or no.",
        "Is there a logic error in the following {language} code? Answer yes or no.",
        "Is the logic of the {language} function below wrong anywhere? Answer yes or no.",
        "A unit test of this {language} function may fail. Does the function have a bug? Answer yes or no.",
        "Read this {language} function closely. Is its logic faulty? Answer yes or no.",
    ),
    "cn": (
        "这个 {language} 函数是否存在逻辑错误？请回答“有缺陷”或“无缺陷”。",
        "下面的 {language} 代码中有逻辑错误吗？只回答“有缺陷”或“无缺陷”。",
        "判断以下 {language} 函数的逻辑是否有误，回答“有缺陷”或“无缺陷”。",
        "这个 {language} 函数的单元测试可能失败，函数本身有 bug 吗？回答“有缺陷”或“无缺陷”。",
        "仔细阅读这个 {language} 函数，它的逻辑有错吗？请回答“有缺陷”或“无缺陷”。",
    ),
}
FLAW_WORDINGS: Wordings = {
    "en": (
        "Does this {language} function contain {flaw}? Answer yes or no.",
        "Check the following {language} code for {flaw}. Answer yes if you find it, else no.",
        "Is there a bug such as {flaw} in this {language} function? Answer yes or no.",
    ),
    "cn": (
        "这个 {language} 函数中是否存在{flaw}？请回答“有缺陷”或“无缺陷”。",
        "检查下面的 {language} 代码是否有{flaw}，有则回答“有缺陷”，没有则回答“无缺陷”。",
        "这段 {language} 代码有没有{flaw}之类的 bug？请回答“有缺陷”或“无缺陷”。",
    ),
}
_KINDS_EN = "a wrong operator, an off-by-one error, arguments in the wrong order, a wrong or missing condition"
_KINDS_CN = "用错的运算符、差一错误、顺序颠倒的参数、错误或缺失的条件"
WHICH_WORDINGS: Wordings = {
    "en": (
        f"Which of these defects does this {{language}} function have: {_KINDS_EN}? Answer none if it has none.",
        f"Name the defect of the {{language}} function below. Choose from: {_KINDS_EN}, none.",
        f"What is wrong with this {{language}} code: {_KINDS_EN}, or none of these?",
        f"Review this {{language}} function. Which one applies: {_KINDS_EN}, or none?",
        f"Classify the bug in the {{language}} code. Possible answers: {_KINDS_EN}, none.",
        f"A {{language}} function is given. Say which defect it contains ({_KINDS_EN}), or none.",
        f"Decide which kind of bug this {{language}} function has. The kinds are: {_KINDS_EN}. Otherwise answer none.",
        f"Does this {{language}} function have one of these bugs: {_KINDS_EN}? Name it, or answer none.",
    ),
    "cn": (
        f"这个 {{language}} 函数存在以下哪种缺陷：{_KINDS_CN}？如果没有，请回答“无”。",
        f"请指出下面 {{language}} 函数的缺陷。可选：{_KINDS_CN}、无。",
        f"这段 {{language}} 代码的问题是什么：{_KINDS_CN}，还是“无”？",
        f"请审查这个 {{language}} 函数，以下哪一项符合：{_KINDS_CN}，或“无”？",
        f"请对这段 {{language}} 代码的 bug 分类。可能的答案：{_KINDS_CN}、无。",
        f"给出一个 {{language}} 函数，请说明它含有哪种缺陷（{_KINDS_CN}），没有则回答“无”。",
        f"判断这个 {{language}} 函数的 bug 属于哪一类：{_KINDS_CN}。都不是则回答“无”。",
        f"这个 {{language}} 函数有以下 bug 之一吗：{_KINDS_CN}？请写出其名称，没有则回答“无”。",
    ),
}
NO_FLAW: Mapping[TextLanguage, str] = {"en": "none", "cn": "无"}
_ONE_IN = 3  # functions whose kind of bug is known that ask which one it is
INJECTED_WORDINGS = wordings_by_flaw(LOGIC_WORDINGS, FLAW_WORDINGS)
LABELS: Mapping[TextLanguage, tuple[str, str]] = {"en": ("yes", "no"), "cn": ("有缺陷", "无缺陷")}


def draft(material: Material, seed: int) -> Draft | None:
    """The function and the label word; the wording of an injected bug fits its kind, whether it is there or not.

    Where the kind of bug is known, some rows ask which one it is.
    """
    if not isinstance(material, JudgedFunction):
        return None
    named = next((names for kind, names in FLAWS.items() if kind == material.flaw), None)
    if named is not None and seed % _ONE_IN == 0:
        answer = (named if material.defective else NO_FLAW)[material.text_language]
        return Draft(material.code, answer, wordings=WHICH_WORDINGS)
    yes, no = LABELS[material.text_language]
    return Draft(
        material.code, yes if material.defective else no, wordings=INJECTED_WORDINGS.get(material.flaw, WORDINGS)
    )


TASK = Task(
    name="defect-detection",
    group="code-to-code",
    form="input: a function; output: yes if it is labelled as defective, else no; or, for injected bugs, which "
    "kind of defect it has, or none",
    takes=(JudgedFunction,),
    measure="word",
    draft=draft,
    wordings=(WORDINGS, *INJECTED_WORDINGS.values(), WHICH_WORDINGS),
    asks_by_input=True,
    labels=LABELS,
    hub_category="text-classification",
)
