"""Competition problems: write a whole program for the statement of a contest problem."""

from coma_cli.catalog.material import ContestSolution, Material
from coma_cli.catalog.tasks.task import Draft, Task, Wordings

WORDINGS: Wordings = {
    "en": (
        "Solve this competitive programming problem in {language}.",
        "Write a {language} program that solves the contest problem below.",
        "Below is the statement of a programming contest problem. Give a complete solution in {language}.",
        "Read from standard input and print the answer: solve the following problem in {language}.",
        "Here is a problem from an online judge. Submit a {language} program.",
        "Write a {language} program that passes all tests of this problem.",
        "You are in a contest. Solve the problem with {language} code that reads its input and prints its output.",
        "I am practising for a programming contest. Show me how to solve this problem in {language}.",
        "Here is an algorithmic challenge. Solve it with a complete {language} program.",
        "Provide an accepted {language} submission for this problem.",
        "Use {language} to solve the following problem efficiently.",
        "Turn the problem statement below into a working {language} program.",
        "The judge accepts {language}. Write a program for this problem.",
        "Implement a solution to the following competitive programming problem in {language}.",
        "Find an algorithm for this problem and implement it as a {language} program.",
        "Give {language} source code that solves every test case of the problem below.",
        "Study the problem statement, then code the solution in {language}.",
        "How would an experienced contestant solve this in {language}?",
        "Please write {language} code for this contest problem, reading from stdin and writing to stdout.",
        "Write a {language} solution that is correct and fast enough.",
        "This problem is from a contest. Submit your solution as a single {language} file.",
        "Design an algorithm and implement it in {language}:",
        "What is a correct {language} solution to this programming problem?",
        "Solve the problem described here. Language of the solution: {language}.",
        "Your team has one problem left. Solve it in {language}.",
        "Write a {language} program that prints the output this problem asks for.",
        "Code a solution to this problem in {language}, input and output included.",
        "The following problem comes from a contest archive. Solve it with a {language} program.",
        "Given this problem, write the {language} program that you would submit to the judge.",
        "Solve the challenge below in {language}. Give only the program.",
        "Write a {language} program that computes the answer to the problem below.",
        "Develop a {language} solution that handles every valid input of this problem.",
    ),
    "cn": (
        "请用 {language} 解决这道编程竞赛题。",
        "编写一个 {language} 程序，解决下面的算法竞赛题目。",
        "下面是一道编程竞赛题的题面，请给出完整的 {language} 代码。",
        "请用 {language} 求解以下问题，从标准输入读取数据，并将答案输出到标准输出。",
        "这是一道在线评测（OJ）题目，请提交 {language} 程序。",
        "请写出能通过全部测试点的 {language} 代码。",
        "仔细阅读题面，然后用 {language} 实现解法。",
        "请为这道算法题设计解法，并用 {language} 实现。",
        "评测系统支持 {language}，请编写这道题的程序。",
        "用 {language} 完成下面的题目，注意数据范围。",
    ),
}


def draft(material: Material, seed: int) -> Draft | None:
    """The statement, and a program that the judge accepted."""
    if not isinstance(material, ContestSolution):
        return None
    return Draft(input=material.statement, output=material.solution, wordings=WORDINGS)


TASK = Task(
    name="competition",
    group="text-to-code",
    form="input: the statement of a contest problem; output: a whole program, standard input to standard output",
    takes=(ContestSolution,),
    measure="code",
    draft=draft,
    wordings=(WORDINGS,),
    code_fields=("output",),
    asks_by_input=True,
)
