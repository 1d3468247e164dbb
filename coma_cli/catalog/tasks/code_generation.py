"""Code generation: write the program that a text asks for."""

from coma_cli.catalog.material import Exercise, Function, Instruction, Material
from coma_cli.catalog.tasks.task import Counterpart, Draft, Task, Wordings

FUNCTION_WORDINGS: Wordings = {
    "en": (
        "Write a {language} function with the given signature. What it does: {text}",
        "Implement the following {language} function.\n{text}",
        "Fill in the body of this {language} function so that it fits its description: {text}",
        "Here are the signature and the description of a {language} function. Write all of it.\n{text}",
        "Complete the implementation in {language}. Description: {text}",
        "I need a {language} function with this signature. {text}",
        "Turn this description into {language} code: {text}",
        "Given the signature below, write {language} code for this behaviour: {text}",
        "Provide a full {language} implementation of what is described here.\n{text}",
        "The {language} function below has no body yet. Its documentation reads: {text}",
    ),
    "cn": (
        "按照给出的函数签名编写一个 {language} 函数。功能：{text}",
        "请实现下面的 {language} 函数。\n{text}",
        "补全这个 {language} 函数的函数体，使其符合描述：{text}",
        "下面是一个 {language} 函数的签名和说明，请写出完整代码。\n{text}",
        "请用 {language} 完成实现。说明：{text}",
        "我需要一个具有该签名的 {language} 函数。{text}",
        "把以下描述转换成 {language} 代码：{text}",
        "这个 {language} 函数还没有函数体，它的文档是：{text}",
    ),
}
EXERCISE_WORDINGS: Wordings = {
    "en": (
        "{text} The {language} code has to satisfy the assertions below.",
        "Solve this in {language}: {text}\nYour solution is checked by the given assertions.",
        "{text}\nUse {language}; the assertions show the names and the expected results.",
        "Here is a programming task for {language}. {text} Make the assertions hold.",
        "Task ({language}): {text}\nThe following checks must succeed.",
        "Please write {language} code. {text} It will be run against these checks.",
        "{text}\nAnswer with {language} code that makes every assertion true.",
        "Exercise in {language}: {text} Follow the names used in the checks.",
    ),
    "cn": (
        "{text} 你的 {language} 代码必须满足下面的断言。",
        "请用 {language} 解题：{text}\n答案将由给出的断言检验。",
        "{text}\n使用 {language}，断言中给出了名称和期望结果。",
        "这是一道 {language} 编程题。{text} 请让断言成立。",
        "题目（{language}）：{text}\n必须通过以下检查。",
        "请编写 {language} 代码。{text} 代码会用这些断言运行。",
        "{text}\n请给出能让每个断言为真的 {language} 代码。",
        "{language} 练习：{text} 请使用检查中出现的名称。",
    ),
}


def draft(material: Material, seed: int) -> Draft | None:
    """A function by its description and signature; an exercise by its text and tests."""
    match material:
        case Function():
            return Draft(material.header, material.code, asked=material.description, wordings=FUNCTION_WORDINGS)
        case Exercise():
            tests = "\n".join(material.tests)
            return Draft(tests, material.solution, asked=material.statement, wordings=EXERCISE_WORDINGS)
        case Instruction():
            return Draft(material.input, material.output, instruction=material.instruction)
        case _:
            return None


TASK = Task(
    name="code-generation",
    group="text-to-code",
    form="instruction: what is wanted; input: the signature, tests or data given, if any; output: the code",
    takes=(Function, Exercise, Instruction),
    draft=draft,
    code_fields=("output",),
    counterpart=Counterpart(prose="instruction", code=("input", "output")),
)
