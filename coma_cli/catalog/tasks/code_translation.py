"""Code translation: write a function in another programming language."""

from coma_cli.catalog.material import Material, Translation
from coma_cli.catalog.tasks.task import Draft, Task, Wordings

WORDINGS: Wordings = {
    "en": (
        "Translate this {language} function to {target}.",
        "Rewrite the following {language} code in {target}.",
        "Convert the {language} function below into {target}.",
        "What does this {language} code look like in {target}?",
        "Port this function from {language} to {target}.",
        "Give the {target} version of this {language} function.",
        "Write {target} code that does the same as this {language} code.",
        "A project is moving from {language} to {target}. Port this function.",
    ),
    "cn": (
        "把这个 {language} 函数翻译成 {target}。",
        "请用 {target} 重写下面的 {language} 代码。",
        "将以下 {language} 函数转换为 {target}。",
        "这段 {language} 代码用 {target} 该怎么写？",
        "请把这个函数从 {language} 移植到 {target}。",
        "给出这个 {language} 函数的 {target} 版本。",
        "把这段 {language} 代码改写成功能相同的 {target} 代码。",
        "某项目正从 {language} 迁移到 {target}，请移植这个函数。",
    ),
}


def draft(material: Material, seed: int) -> Draft | None:
    """The function in one language, and in the other."""
    if not isinstance(material, Translation):
        return None
    return Draft(material.code, material.target_code, wordings=WORDINGS, target=material.target_language)


TASK = Task(
    name="code-translation",
    group="code-to-code",
    form="input: a function; output: the same function in the programming language named in the instruction",
    takes=(Translation,),
    measure="rewrite",
    draft=draft,
    wordings=(WORDINGS,),
    code_fields=("input",),
    asks_by_input=True,
    caps_shapes=True,
)
