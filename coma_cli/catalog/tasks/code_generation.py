"""Code generation: write the code that a text asks for."""

from coma_cli.catalog.material import Exercise, Function, Instruction, Material
from coma_cli.catalog.tasks.task import Counterpart, Draft, Task, Wordings

FUNCTION_WORDINGS: Wordings = {
    "en": (
        "Write a {language} function with the given signature that does the following: {text}",
        "Implement the following {language} function.\n{text}",
        "Complete this {language} function so that it matches its description: {text}",
        "Here are the signature and description of a {language} function. Write the complete function.\n{text}",
        "Implement this in {language}. Description: {text}",
        "I need a {language} function with this signature. {text}",
        "Turn this description into {language} code: {text}",
        "Given the signature below, write a {language} function that behaves as follows: {text}",
        "Provide a complete {language} implementation of the function described here.\n{text}",
        "The {language} function below has no body yet. Implement it according to its documentation: {text}",
    ),
    "cn": (
        "按照给定的函数签名编写一个 {language} 函数。功能：{text}",
        "请实现下面的 {language} 函数。\n{text}",
        "补全这个 {language} 函数，使其符合以下描述：{text}",
        "下面是一个 {language} 函数的签名和说明，请写出完整代码。\n{text}",
        "请用 {language} 实现该函数。说明：{text}",
        "我需要一个符合该签名的 {language} 函数。{text}",
        "把以下描述转换成 {language} 代码：{text}",
        "这个 {language} 函数还没有函数体，请根据文档实现它：{text}",
    ),
}
EXERCISE_WORDINGS: Wordings = {
    "en": (
        "{text} Your {language} code must pass the assertions below.",
        "Solve this in {language}: {text}\nYour solution will be checked against the given assertions.",
        "{text}\nUse {language}. The assertions show the expected names and results.",
        "Here is a {language} programming task. {text} Make all the assertions pass.",
        "Task ({language}): {text}\nThe following tests must pass.",
        "Please write {language} code. {text} It will be run against these tests.",
        "{text}\nAnswer with {language} code that passes every assertion.",
        "{language} exercise: {text} Use the names that appear in the tests.",
    ),
    "cn": (
        "{text} 你的 {language} 代码必须通过下面的断言。",
        "请用 {language} 解题：{text}\n你的代码将用给出的断言进行检验。",
        "{text}\n请使用 {language}，名称和预期结果见断言。",
        "这是一道 {language} 编程题。{text} 请让所有断言通过。",
        "题目（{language}）：{text}\n必须通过以下测试。",
        "请编写 {language} 代码。{text} 代码将用这些断言进行测试。",
        "{text}\n请给出能通过全部断言的 {language} 代码。",
        "{language} 练习：{text} 请使用测试中出现的名称。",
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
    form="instruction: the request; input: the signature, tests or data given, if any; output: the code",
    takes=(Function, Exercise, Instruction),
    measure="code",
    draft=draft,
    wordings=(FUNCTION_WORDINGS, EXERCISE_WORDINGS),
    code_fields=("output",),
    counterpart=Counterpart(prose="instruction", code=("input", "output")),
)
