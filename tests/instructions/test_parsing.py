"""Answers of models as they really come: what is taken, and the reason where nothing is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.engines.interface import GenerationResponse
from coma_cli.instructions.parsing import Refused, Taken, code_blocks, instruction_in, program_in


def answer(text: str, finish: str = "stop", **changes) -> GenerationResponse:
    return GenerationResponse("k", text, finish, 1, 1, **changes)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("<instruction>Write it.</instruction>", "Write it."),
        ("Sure! Here you go:\n<instruction>\n  Write it.\n</instruction>\nHope this helps.", "Write it."),
        ("<INSTRUCTION>Write\nit.</Instruction>", "Write\nit."),
        ("<think>maybe <instruction>no</instruction></think>\n<instruction>yes</instruction>", "yes"),
        ("maybe <instruction>no</instruction></think>\n<instruction>yes</instruction>", "yes"),
        ("[THINK]<instruction>no</instruction>[/THINK]<instruction>yes</instruction>", "yes"),
        ("<reasoning>hm</reasoning>Sure:\n<instruction>yes</instruction>", "yes"),
        (
            "<|channel|>analysis<|message|><instruction>no</instruction><|end|><|start|>assistant"
            "<|channel|>final<|message|><instruction>yes</instruction>",
            "yes",
        ),
        ("<instruction>a\n\n\n\nb</instruction>", "a\n\nb"),
        ("<instruction>Compare a < b and b > c.</instruction>", "Compare a < b and b > c."),
    ],
)
def test_instructions_that_are_taken(text, taken):
    assert instruction_in(answer(text)) == Taken(taken)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("  \n ", "empty"),
        ("<instruction> \n </instruction>", "empty"),
        ("Write a program.", "no-instruction"),
        ("<instruction>Write a program", "unclosed-tag"),
        ("<instruction>a</instruction><instruction>b</instruction>", "several-instructions"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("I’m sorry, no.", "refusal"),
        ("<instruction>As an AI language model, I cannot do this.</instruction>", "refusal"),
        ("抱歉，我无法完成。", "refusal"),
    ],
)
def test_instructions_that_are_not(text, reason):
    found = instruction_in(answer(text))
    assert isinstance(found, Refused) and found.reason == reason


def test_cut_and_refused_answers_are_not_looked_into():
    whole = "<instruction>Write it.</instruction>"
    assert instruction_in(answer(whole, "length")).reason == "truncated"
    refused = instruction_in(answer("", "error", error="400: too long", permanent=True))
    assert refused == Refused("request-refused", "400: too long")


@pytest.mark.parametrize(
    ("text", "language", "taken"),
    [
        ("```python\nprint(1)\n```", "python", "print(1)"),
        ("Here:\n\n```py\nprint(1)\n\n```\nDone.", "python", "print(1)"),
        ("```\nprint(1)\n```", "python", "print(1)"),
        ("```Python\r\nprint(1)\r\n```\r\n", "python", "print(1)"),
        ("```cpp\nint main(){}\n```\nOutput:\n```text\n1\n```", "cpp", "int main(){}"),
        ("```c++\nint main(){}\n```", "cpp", "int main(){}"),
        ("````python\ns = '''\n```\n'''\n````", "python", "s = '''\n```\n'''"),
        ("~~~go\npackage main\n~~~", "go", "package main"),
        ("```python\n    indented = 1\n```", "python", "    indented = 1"),
    ],
)
def test_programs_that_are_taken(text, language, taken):
    assert program_in(answer(text), language) == Taken(taken)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("print(1)", "no-code-block"),
        ("```python\nprint(1)", "unclosed-block"),
        ("```python\na = 1\n```\n```python\nb = 2\n```", "several-code-blocks"),
        ("```java\nclass A {}\n```", "wrong-language"),
        ("```\na\n```\n```\nb\n```", "wrong-language"),
        ("```python\n\n```", "empty"),
        ("Sorry, I can't.", "refusal"),
        ("", "empty"),
    ],
)
def test_programs_that_are_not(text, reason):
    found = program_in(answer(text), "python")
    assert isinstance(found, Refused) and found.reason == reason


def test_inline_backticks_open_nothing():
    assert code_blocks("use ```print``` here and `x`") == ([], False)


LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="`~\n\r"), max_size=20), max_size=6)


@given(LINES, LINES, st.sampled_from(["", "python", "c++"]))
def test_what_is_put_into_a_block_comes_out_of_it(before, inside, tag):
    text = "\n".join([*before, f"```{tag}", *inside, "```"])
    assert code_blocks(text) == ([(tag, "\n".join(inside))], False)


@given(st.text())
def test_no_answer_makes_a_parser_fail(text):
    assert isinstance(instruction_in(answer(text)), Taken | Refused)
    assert isinstance(program_in(answer(text), "python"), Taken | Refused)


def test_reasoning_without_an_answer_is_named_so():
    assert instruction_in(answer("", reasoning_tokens=40)) == Refused(
        "only-reasoning", "about 40 tokens of reasoning, and no answer"
    )
    assert program_in(answer(" ", reasoning="let me think"), "python").reason == "only-reasoning"
    assert instruction_in(answer("<think>never closed <instruction>no</instruction>")).reason == "no-instruction"
