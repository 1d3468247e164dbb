"""Competition problems: write the whole program that a contest's statement asks for."""

from coma_cli.catalog.material import ContestSolution, Material
from coma_cli.catalog.tasks.task import Draft, Task, Wordings

WORDINGS: Wordings = {
    "en": (
        "Solve this competition problem in {language}.",
        "Write a {language} program that solves the contest problem below.",
        "Below is the statement of a programming contest problem. Give a full solution in {language}.",
        "Read from standard input and print the answer: solve the following problem with {language}.",
        "Your task is a problem of an online judge. Hand in a {language} program.",
        "Which {language} program would pass all tests of this problem?",
        "Take part in a contest: answer the problem with {language} code that reads its input and prints its output.",
        "I am practising for a programming contest. Show me how this problem is solved in {language}.",
        "Here is an algorithmic challenge. Work it out and answer with a complete {language} program.",
        "Provide an accepted {language} submission for this problem.",
        "Use {language} to solve the problem that follows; mind its limits on input size.",
        "Turn the statement below into a working {language} program.",
        "The judge accepts {language}. Write the program for this task.",
        "Implement a solution of the following competitive programming task in {language}.",
        "Find an algorithm for this problem and write it down as a {language} program.",
        "Give {language} source code that answers every test case of the problem below.",
        "Study the problem statement, the format of its input and its examples, then code it in {language}.",
        "How would an experienced contestant solve this in {language}?",
        "Please write {language} code for this contest task, reading from stdin and writing to stdout.",
        "Produce a correct and fast enough {language} solution.",
        "A contest asks the following. Submit your answer as one {language} file.",
        "Design the algorithm and implement it in {language}:",
        "What is a correct {language} solution of this programming problem?",
        "Solve the task described here. Language of the solution: {language}.",
        "Your team is short of one problem. Solve it in {language}.",
        "Write out a {language} program whose output matches the one that this statement asks for.",
        "Code the solution of this puzzle in {language}, input and output included.",
        "The following exercise is taken from a contest archive. Solve it with a {language} program.",
        "Given this problem, write the {language} program that you would send to the judge.",
        "Answer the challenge below in {language}; only the program is wanted.",
        "Compute what the statement asks for with a {language} program of your own.",
        "Develop a {language} solution that handles all inputs which the constraints allow.",
    ),
    "cn": (
        "请用 {language} 解决这道竞赛题。",
        "编写一个 {language} 程序，解决下面的算法竞赛题目。",
        "下面是一道编程竞赛题的题面，请给出完整的 {language} 解答。",
        "从标准输入读取数据并输出答案：用 {language} 求解以下问题。",
        "这是一道在线评测题，请提交 {language} 程序。",
        "请写出能通过全部测试点的 {language} 代码。",
        "阅读题面、输入格式和样例，然后用 {language} 实现。",
        "请为这个算法问题设计解法，并写成 {language} 程序。",
        "评测系统接受 {language}，请编写这道题的程序。",
        "用 {language} 完成下面的题目，注意数据范围。",
    ),
}


def draft(material: Material, seed: int) -> Draft | None:
    """The statement, and a program that was judged right."""
    if not isinstance(material, ContestSolution):
        return None
    return Draft(input=material.statement, output=material.solution, wordings=WORDINGS)


TASK = Task(
    name="competition",
    group="text-to-code",
    form="input: the statement of a contest problem; output: a whole program, standard input to standard output",
    takes=(ContestSolution,),
    draft=draft,
    code_fields=("output",),
    asks_by_input=True,
)
