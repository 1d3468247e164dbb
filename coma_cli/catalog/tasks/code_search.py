"""Code search: of a list of snippets pick the one that does what a question asks for.

As in CoMIT the question is the instruction and the input is a JSON list of candidates; but their order is drawn by seed
(CoMIT's mining code put the right one first), and nothing is lower-cased. Where a question brings too few snippets of
its own, the likeliest wrong ones among the questions around it in its file take their places.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice

from coma_cli.catalog.sources.material import Function, Material, Question
from coma_cli.catalog.tasks.task import Draft, Task, Wordings
from coma_cli.records import row_seed
from coma_cli.words import tokens

FEWEST_CANDIDATES = 4
MOST_CANDIDATES = 8
# A snippet of another question that shares so many of its tokens with an answer may well answer this one too.
_TOO_ALIKE = 0.8
_MOST_CHARS = 600  # of a foreign snippet, or twice the answer's length if that is more

WORDINGS: Wordings = {
    "en": (
        "Which of these {language} snippets does it? {text}",
        "Pick the {language} code that answers the question: {text}",
        "{text}\nChoose the fitting {language} snippet from the list.",
        "Find the {language} snippet that fits this request: {text}",
        "Search the {language} candidates below for the one that does the following. {text}",
        "Several {language} snippets are given. Return the one that solves this: {text}",
        "Question: {text}\nCopy the {language} candidate that answers it.",
        "Here is what is wanted: {text}\nWhich {language} code in the list does that?",
        "Retrieve the right {language} code for this query: {text}",
        "Only one of the {language} snippets is what I am looking for. {text}",
    ),
    "cn": (
        "下列 {language} 代码片段中，哪一个能解决这个问题？{text}",
        "请选出能回答该问题的 {language} 代码：{text}",
        "{text}\n请从列表中选择合适的 {language} 代码片段。",
        "请找出符合以下要求的 {language} 代码：{text}",
        "在下面的 {language} 候选代码中检索满足需求的一段。{text}",
        "给出了若干 {language} 代码片段，请返回能解决此问题的那一段：{text}",
        "问题：{text}\n请原样写出能够回答它的 {language} 代码。",
        "需求：{text}\n列表中哪段 {language} 代码能够实现？",
        "请为以下查询检索正确的 {language} 代码：{text}",
    ),
}


def among(material: Material, around: Sequence[Material]) -> Material:
    """The question with wrong candidates from the material around it, where it has too few of its own.

    A function becomes a question by its summary. The snippets that share most tokens with the answers come first; one
    that equals an answer, or nearly so, or that belongs to a question of the same topic or wording, is never taken.
    """
    question = _as_question(material)
    if question is None or not question.answers:
        return material
    wanted = FEWEST_CANDIDATES - len(question.candidates) + len(question.answers) - 1
    foreign = tuple(islice(_most_alike(question, around), max(0, wanted)))
    return replace(question, candidates=question.candidates + foreign)


def _as_question(material: Material) -> Question | None:
    if isinstance(material, Question):
        return material
    if isinstance(material, Function):
        text = material.summary
        spoken = material.text_language
        return Question(material.language, text, (material.code,), (0,), material.licence, material.origin, spoken)
    return None


def _most_alike(question: Question, around: Sequence[Material]) -> Iterator[str]:
    answers = [question.candidates[place] for place in question.answers]
    longest = max(_MOST_CHARS, 2 * max(map(len, answers)))
    known = {_key(code) for code in question.candidates}
    scored = []
    for code in _foreign_snippets(question, around):
        key = _key(code)
        if len(code) <= longest and key not in known:
            known.add(key)
            alike = max(_likeness(code, answer) for answer in answers)
            if alike < _TOO_ALIKE:
                scored.append((-alike, key, code))
    return (code for _, _, code in sorted(scored))


def _foreign_snippets(question: Question, around: Sequence[Material]) -> Iterator[str]:
    """Answers of other questions in the same programming language: unlike other blocks of a post they are code."""
    asked = _key(question.text)
    for material in around:
        other = _as_question(material)
        if other is None or other.language != question.language or other.origin == question.origin:
            continue
        if (other.topic and other.topic == question.topic) or _key(other.text) == asked:
            continue
        yield from (other.candidates[place] for place in other.answers)


@lru_cache(maxsize=4096)
def _key(text: str) -> tuple[str, ...]:
    """What two texts share that differ in layout and case only."""
    return tuple(tokens(text))


@lru_cache(maxsize=4096)
def _token_set(code: str) -> frozenset[str]:
    return frozenset(_key(code))


def _likeness(one: str, other: str) -> float:
    """Share of the distinct tokens of both snippets that both have (Jaccard)."""
    first, second = _token_set(one), _token_set(other)
    both = len(first & second)
    return both / (len(first) + len(second) - both) if both else 0.0


def draft(material: Material, seed: int) -> Draft | None:
    """One of the answers and the snippets that are none, in an order drawn by seed; None where all of them answer."""
    if not isinstance(material, Question) or not material.answers:
        return None
    answer = material.candidates[material.answers[seed % len(material.answers)]]
    right = {_key(material.candidates[place]) for place in material.answers}
    wrong = [code for code in material.candidates if _key(code) not in right]
    if not wrong:
        return None
    # Other numbers decide who is listed than decide the order, which else would show what came in by being low.
    chosen = _drawn(wrong, seed + 1)[: MOST_CANDIDATES - 1]
    listed = _drawn([answer, *chosen], seed)
    return Draft(
        input=json.dumps(listed, ensure_ascii=False),
        output=answer,
        asked=material.text,
        wordings=WORDINGS,
        named_by=(material.text, answer),
    )


def _drawn(snippets: Iterable[str], seed: int) -> list[str]:
    """The snippets in an order that the seed decides."""
    return sorted(snippets, key=lambda code: (row_seed(seed, code), code))


TASK = Task(
    name="code-search",
    group="text-to-code",
    form="instruction: the question; input: a JSON list of candidate snippets; output: the one that answers, as listed",
    draft=draft,
    among=among,
    code_fields=("output",),
)
