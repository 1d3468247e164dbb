"""Defect detection: tell whether a function has a defect."""

from collections.abc import Mapping

from coma_cli.catalog.material import JudgedFunction, Material
from coma_cli.catalog.tasks.flaws import wordings_by_flaw
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
INJECTED_WORDINGS = wordings_by_flaw(LOGIC_WORDINGS, FLAW_WORDINGS)
LABELS: Mapping[TextLanguage, tuple[str, str]] = {"en": ("yes", "no"), "cn": ("有缺陷", "无缺陷")}


def draft(material: Material, seed: int) -> Draft | None:
    """The function and the label word; the wording of an injected bug fits its kind, whether it is there or not."""
    if not isinstance(material, JudgedFunction):
        return None
    yes, no = LABELS[material.text_language]
    return Draft(
        material.code, yes if material.defective else no, wordings=INJECTED_WORDINGS.get(material.flaw, WORDINGS)
    )


TASK = Task(
    name="defect-detection",
    group="code-to-code",
    form="input: a function; output: yes if it is labelled as defective, else no",
    takes=(JudgedFunction,),
    draft=draft,
    wordings=(WORDINGS, *INJECTED_WORDINGS.values()),
    asks_by_input=True,
    labels=LABELS,
    hub_category="text-classification",
)
