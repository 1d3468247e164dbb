"""Clone detection: tell whether two functions have the same functionality."""

from collections.abc import Mapping

from coma_cli.catalog.material import ClonePair, Material
from coma_cli.catalog.tasks.task import Draft, Task, Wordings
from coma_cli.records import TextLanguage

WORDINGS: Wordings = {
    "en": (
        "Do these two {language} functions have the same functionality? Answer yes or no.",
        "Are the two {language} functions below clones of each other? Answer yes or no.",
        "Compare the two pieces of {language} code. Do they serve the same purpose? Answer yes or no.",
        "Answer yes if the following {language} functions solve the same problem, and no if they don't.",
        "Here are two {language} functions. Do they perform the same task? Answer yes or no.",
        "Is the second {language} function a clone of the first? Answer yes or no.",
        "Decide whether both {language} functions below accomplish the same thing. Answer yes or no.",
        "Look at the two {language} functions and tell whether they implement the same functionality (yes/no).",
    ),
    "cn": (
        "下面两个 {language} 函数的功能是否相同？请回答“相同”或“不同”。",
        "请判断这两个 {language} 函数是否互为代码克隆，是则回答“相同”，否则回答“不同”。",
        "比较这两段 {language} 代码，它们的用途是否相同？请回答“相同”或“不同”。",
        "如果以下 {language} 函数解决的是同一个问题，请回答“相同”，否则回答“不同”。",
        "这里有两个 {language} 函数，它们完成的任务相同吗？请用“相同”或“不同”作答。",
        "第二个 {language} 函数是第一个的代码克隆吗？是则回答“相同”，不是则回答“不同”。",
        "请判断这对 {language} 函数是否实现了相同的功能，回答“相同”或“不同”。",
        "阅读下面两个 {language} 函数，判断它们的功能“相同”还是“不同”。",
    ),
}
LABELS: Mapping[TextLanguage, tuple[str, str]] = {"en": ("yes", "no"), "cn": ("相同", "不同")}
_TITLES: dict[TextLanguage, str] = {"en": "Function {number}:", "cn": "函数 {number}："}
WEAK = "weak-label"


def draft(material: Material, seed: int) -> Draft | None:
    """Both functions under their titles, and the label word; a "no" that nobody checked is marked as weak."""
    if not isinstance(material, ClonePair):
        return None
    title = _TITLES[material.text_language]
    parts = (f"{title.format(number=n)}\n{code}" for n, code in ((1, material.first), (2, material.second)))
    yes, no = LABELS[material.text_language]
    return Draft("\n\n".join(parts), yes if material.clones else no, wordings=WORDINGS, remark=WEAK * material.weak)


TASK = Task(
    name="clone-detection",
    group="code-to-code",
    form="input: two functions under the titles Function 1 and Function 2; output: yes if they have the same "
    "functionality, else no",
    takes=(ClonePair,),
    draft=draft,
    wordings=(WORDINGS,),
    asks_by_input=True,
    labels=LABELS,
    hub_category="text-classification",
)
