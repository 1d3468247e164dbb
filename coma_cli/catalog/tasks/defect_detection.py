"""Defect detection: say whether a function holds a defect."""

from collections.abc import Mapping

from coma_cli.catalog.material import JudgedFunction, Material
from coma_cli.catalog.tasks.task import Draft, Task, Wordings
from coma_cli.records import TextLanguage

WORDINGS: Wordings = {
    "en": (
        "Does this {language} function contain a defect? Answer yes or no.",
        "Check the following {language} code for vulnerabilities. Is there one? Reply with yes or no.",
        "Judge whether the {language} function below is faulty: yes or no.",
        "Answer yes if this {language} function has a bug that could be exploited, and no if it has none.",
        "Review the {language} code and decide if something is wrong with it (yes/no).",
        "Is the {language} function below insecure? Say yes or no.",
        "You audit {language} code. Would you object to this function? The answer is yes or no.",
        "Tell whether this piece of {language} code needs a fix. Give yes or no as the answer.",
    ),
    "cn": (
        "这个 {language} 函数是否存在缺陷？请回答“有缺陷”或“无缺陷”。",
        "请检查下面的 {language} 代码是否有漏洞，只回答“有缺陷”或“无缺陷”。",
        "判断以下 {language} 函数是否有错误，回答“有缺陷”或“无缺陷”。",
        "如果该 {language} 函数含有可被利用的错误，请回答“有缺陷”，否则回答“无缺陷”。",
        "请审查这段 {language} 代码，结论用“有缺陷”或“无缺陷”表示。",
        "下面的 {language} 函数安全吗？不安全回答“有缺陷”，安全回答“无缺陷”。",
        "假设你在审计 {language} 代码，这个函数“有缺陷”还是“无缺陷”？",
        "这段 {language} 代码需要修复吗？需要则答“有缺陷”，不需要则答“无缺陷”。",
    ),
}
LABELS: Mapping[TextLanguage, tuple[str, str]] = {"en": ("yes", "no"), "cn": ("有缺陷", "无缺陷")}


def draft(material: Material, seed: int) -> Draft | None:
    """The function, and the label word."""
    if not isinstance(material, JudgedFunction):
        return None
    yes, no = LABELS[material.text_language]
    return Draft(material.code, yes if material.defective else no, wordings=WORDINGS)


TASK = Task(
    name="defect-detection",
    group="code-to-code",
    form="input: a function; output: yes if it was judged to hold a defect, else no",
    takes=(JudgedFunction,),
    draft=draft,
    asks_by_input=True,
    labels=LABELS,
)
