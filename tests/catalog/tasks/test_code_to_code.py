import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.material import (
    ClonePair,
    Cloze,
    Function,
    JudgedFunction,
    Repair,
    Translation,
    UnfinishedCode,
)
from coma_cli.catalog.tasks import (
    TASKS,
    clone_detection,
    cloze,
    code_repair,
    code_translation,
    defect_detection,
    line_completion,
)
from coma_cli.catalog.tasks.task import make_example
from coma_cli.records import Origin

HERE = Origin(path="x.txt", row="1", split="train")
PAIR = ClonePair("java", "int a() {}", "int b() {}", False, True, "C-UDA-1.0", HERE)
JUDGED = JudgedFunction("c", "int f(void)\n{\n}", True, "C-UDA-1.0", HERE)
REPAIR = Repair("java", "int a ( ) { return 1 ; }", "int a ( ) { return 2 ; }", True, "C-UDA-1.0", HERE)
TRANSLATION = Translation("java", "int a() {}", "csharp", "int A() {}", False, "C-UDA-1.0", HERE)
CLOZE = Cloze("go", "Cap it .", ("return", "<mask>", "(", "a", ")"), "min", ("max", "min"), "C-UDA-1.0", HERE)
UNFINISHED = UnfinishedCode("python", "import os <EOL> print (", "os )", True, "C-UDA-1.0", HERE)
CODE = 'def cap(rows, top):\n    # the max of all\n    note = "max"\n    rows.append(max(rows))\n    return note'
FUNCTION = Function(
    language="python",
    name="cap",
    header="def cap(rows, top):",
    code=CODE,
    summary="Note the largest row.",
    description="Note the largest row.",
    cuts=(),
    licence="MIT",
    origin=HERE,
)
WORDINGS = {
    "clone-detection": clone_detection.WORDINGS,
    "defect-detection": defect_detection.WORDINGS,
    "code-repair": code_repair.WORDINGS,
    "code-repair of abstracted code": code_repair.ABSTRACTED_WORDINGS,
    "code-translation": code_translation.WORDINGS,
    "cloze-test": cloze.WORDINGS,
    "line-completion within a line": line_completion.UNFINISHED_WORDINGS,
}


def made(task, material, seed=0):
    return make_example(TASKS[task], material, "test", seed)


@pytest.mark.parametrize("wordings", WORDINGS.values(), ids=WORDINGS)
def test_there_are_eight_wordings_and_more_in_both_languages(wordings):
    for language in ("en", "cn"):
        assert len(set(wordings[language])) == len(wordings[language]) >= 8
        assert all("{language}" in wording for wording in wordings[language])
        assert all("{text}" not in wording for wording in wordings[language])
    targets = {"{target}" in wording for language in ("en", "cn") for wording in wordings[language]}
    assert targets == {wordings is code_translation.WORDINGS}


def test_golden_clone_detection():
    row = made("clone-detection", PAIR)
    assert row.to_row() == {
        "schema_version": 1,
        "id": "b7becf52e536500ea52e",
        "task": "clone-detection",
        "source": "test",
        "language": "java",
        "text_language": "en",
        "instruction": "Here are two Java functions. Do they perform the same task? Answer yes or no.",
        "input": "Function 1:\nint a() {}\n\nFunction 2:\nint b() {}",
        "output": "no",
        "licence": "C-UDA-1.0",
        "origin": {"path": "x.txt", "row": "1", "lines": None, "url": "", "split": "train", "detail": ""},
        "made_by": "build-data; weak-label",
    }
    clones = made("clone-detection", replace(PAIR, clones=True, weak=False))
    assert (clones.output, clones.made_by) == ("yes", "build-data")


def test_golden_defect_detection():
    row = made("defect-detection", JUDGED)
    assert (row.id, row.instruction) == (
        "5122b549741a9da7a4e4",
        "You are reviewing C code. Would you flag this function as defective? Answer yes or no.",
    )
    assert (row.input, row.output) == ("int f(void)\n{\n}", "yes")
    assert made("defect-detection", replace(JUDGED, defective=False)).output == "no"


def test_golden_repair():
    row = made("code-repair", REPAIR)
    assert (row.id, row.instruction) == (
        "31eada3e7e04a5b09dc5",
        "The anonymized Java function below has a bug. Give the token sequence with the bug fixed.",
    )
    assert (row.input, row.output) == (REPAIR.buggy, REPAIR.fixed)
    plain = made("code-repair", replace(REPAIR, abstracted=False))
    assert plain.instruction in {wording.replace("{language}", "Java") for wording in code_repair.WORDINGS["en"]}


def test_golden_translation():
    row = made("code-translation", TRANSLATION)
    assert (row.id, row.language, row.instruction) == (
        "4f647b50cd5f66cc8aa6",
        "java",
        "Convert the Java function below into C#.",
    )
    assert (row.input, row.output) == ("int a() {}", "int A() {}")


def test_golden_cloze_of_upstream():
    row = made("cloze-test", CLOZE)
    assert (row.id, row.instruction) == (
        "369aa24171f3f08e2e2f",
        "Read the Go code and name the word that <mask> hides.",
    )
    assert (row.input, row.output) == ("Cap it .\n\nreturn <mask> ( a )\n\nChoices: max, min", "min")
    assert made("cloze-test", replace(CLOZE, description="", choices=())).input == "return <mask> ( a )"


def test_golden_cloze_of_a_function():
    rows = [made("cloze-test", FUNCTION, seed) for seed in range(20)]
    assert {(row.input, row.output) for row in rows} == {
        (
            f"Note the largest row.\n\n{CODE.replace('rows.append', 'rows.<mask>')}\n\n"
            "Choices: append, extend, insert, remove",
            "append",
        ),
        (f"Note the largest row.\n\n{CODE.replace('max(rows)', '<mask>(rows)')}\n\nChoices: max, min", "max"),
    }


def test_golden_completion_within_a_line():
    row = made("line-completion", UNFINISHED)
    assert (row.id, row.instruction) == (
        "add5c74c7eb3f70fa43a",
        "These Python tokens stop before the end of a line. Give the rest of the line.",
    )
    assert (row.input, row.output) == ("import os <EOL> print (", "os )")


def test_a_long_beginning_is_cut_at_its_start_between_tokens():
    words = [f"token{number}" for number in range(5000)]
    row = made("line-completion", replace(UNFINISHED, before=" ".join(words)))
    kept = row.input.split(" ")
    assert len(row.input) <= 4000
    assert kept == words[-len(kept) :]


@pytest.mark.parametrize(
    ("task", "material"), [("clone-detection", PAIR), ("defect-detection", JUDGED)], ids=lambda x: str(x)[:10]
)
def test_answers_are_the_label_words_of_their_language(task, material):
    labels = TASKS[task].labels
    assert set(labels) == {"en", "cn"}
    for language in ("en", "cn"):
        for positive in (True, False):
            field = "clones" if task == "clone-detection" else "defective"
            row = made(task, replace(material, text_language=language, **{field: positive}))
            assert row.output == labels[language][0 if positive else 1]
        # A wording names both words that may be answered, so that nobody has to guess them.
        for wording in WORDINGS[task][language]:
            assert all(word.lower() in wording.lower() for word in labels[language])


def test_defects_are_not_said_to_be_security_flaws_and_clones_not_to_be_interchangeable():
    """Injected bugs are mostly harmless to security; BigCloneBench's yes means the same functionality, no more."""
    security = re.compile(r"secur|exploit|vulnerab|attack|audit|漏洞|安全|攻击|利用|审计", re.IGNORECASE)
    equivalence = re.compile(r"equivalent|identical|behav|interchang|stand in for|等价|行为|替代|替换", re.IGNORECASE)
    for language in ("en", "cn"):
        assert not [wording for wording in defect_detection.WORDINGS[language] if security.search(wording)]
        assert not [wording for wording in clone_detection.WORDINGS[language] if equivalence.search(wording)]


def test_only_yes_and_no_tasks_have_labels():
    assert {name for name, task in TASKS.items() if task.labels} == {"clone-detection", "defect-detection"}


def test_nothing_is_masked_where_there_is_nothing_to_choose_from():
    assert made("cloze-test", replace(FUNCTION, code="def cap(rows, top):\n    return rows")) is None
    assert made("cloze-test", replace(FUNCTION, code=f"{CODE}  # <mask>")) is None
    only_text = 'def max(rows):\n    """min"""\n    return "max"  # max'
    assert made("cloze-test", replace(FUNCTION, header="def max(rows):", code=only_text)) is None


def test_every_choice_is_found_again_in_its_list():
    for choices in cloze.CHOICES:
        assert len(set(choices)) == len(choices) >= 2
    assert cloze.CHOICES[0] == ("max", "min")


@given(st.integers(0, 10**6))
def test_unmasking_gives_the_function_back(seed):
    row = made("cloze-test", FUNCTION, seed)
    code = row.input.removeprefix("Note the largest row.\n\n").rpartition("\n\n")[0]
    assert code.count("<mask>") == 1
    assert code.replace("<mask>", row.output) == CODE
    assert row.output in row.input.rpartition("Choices: ")[2].split(", ")


def test_chinese_rows_are_chinese_throughout():
    pair = made("clone-detection", replace(PAIR, text_language="cn"))
    assert pair.input.startswith("函数 1：\n")
    assert pair.output in ("相同", "不同")
    cloze = made("cloze-test", replace(FUNCTION, text_language="cn", summary="记录最大的一行。"))
    assert "可选：" in cloze.input
    for task, material in (("code-repair", REPAIR), ("code-translation", TRANSLATION), ("line-completion", UNFINISHED)):
        row = made(task, replace(material, text_language="cn"))
        assert any("\u4e00" <= sign <= "\u9fff" for sign in row.instruction)


@pytest.mark.parametrize(
    "task", ["clone-detection", "defect-detection", "code-repair", "code-translation", "cloze-test", "line-completion"]
)
def test_a_task_ignores_material_of_other_types(task):
    taken = {
        name
        for name, material in {
            "clone-detection": PAIR,
            "defect-detection": JUDGED,
            "code-repair": REPAIR,
            "code-translation": TRANSLATION,
            "cloze-test": CLOZE,
            "line-completion": UNFINISHED,
        }.items()
        if made(task, material) is not None
    }
    assert taken == {task}
