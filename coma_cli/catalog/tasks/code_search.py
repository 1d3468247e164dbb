"""Code search: pick from a list of snippets the one that answers a question.

As in CoMIT, the question is the instruction and the input is a JSON list of candidates; but their order is shuffled by
seed (CoMIT's mining code put the right one first), and nothing is lower-cased. The wrong candidates are hard negatives:
the most similar answers to other questions near it in its file. Other snippets of the post are none, which is where
CoMIT took them from: they are parts and variants of the answer, or what it prints.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain, islice
from typing import NamedTuple

from coma_cli.catalog.material import Function, Material, Question
from coma_cli.catalog.tasks.rivals import Profile, is_rival, profile
from coma_cli.catalog.tasks.task import Counterpart, Draft, Surroundings, Task, Wordings
from coma_cli.records import Origin, row_seed
from coma_cli.words import tokens

CANDIDATES = 4
FEWEST_CANDIDATES = 3  # of a row, where the neighbours have no more to offer
# A snippet of another question that shares this many tokens with an answer may well answer this question too.
_TOO_ALIKE = 0.8
_COMPARED = 24  # snippets that are compared in full with the answers
_MOST_CHARS = 600  # of another question's snippet, or twice the answer's length if that is more

WORDINGS: Wordings = {
    "en": (
        "Which of these {language} snippets does the following? {text}",
        "Pick the {language} code that matches this query: {text}",
        "{text}\nChoose the matching {language} snippet from the list.",
        "Find the {language} snippet that fits this request: {text}",
        "Search the {language} candidates below for the one that fits. {text}",
        "Several {language} snippets are given. Return the one that does this: {text}",
        "Query: {text}\nCopy the {language} candidate that answers it.",
        "Here is what I need: {text}\nWhich {language} snippet in the list does that?",
        "Retrieve the right {language} code for this query: {text}",
        "Only one of these {language} snippets is what I am looking for. {text}",
    ),
    "cn": (
        "下列 {language} 代码片段中，哪一个符合这个需求？{text}",
        "请选出与该查询匹配的 {language} 代码：{text}",
        "{text}\n请从列表中选择合适的 {language} 代码片段。",
        "请找出符合以下要求的 {language} 代码：{text}",
        "请在下面的 {language} 候选代码中找出满足需求的一段。{text}",
        "给出了若干 {language} 代码片段，请返回能解决此问题的那一段：{text}",
        "查询：{text}\n请原样写出与之匹配的 {language} 候选代码。",
        "需求：{text}\n列表中哪段 {language} 代码能够实现？",
        "请为以下查询检索正确的 {language} 代码：{text}",
    ),
}


class _Snippet(NamedTuple):
    """An answer to a nearby question; snippets that differ only in layout and case have the same `key`."""

    code: str
    key: str
    tokens: frozenset[str]
    topic: str
    asked: str
    origin: Origin
    profile: Profile


class _Pool(NamedTuple):
    """The nearby snippets in one programming language, and an index of the tokens that tell them apart."""

    snippets: tuple[_Snippet, ...]
    places: Mapping[str, tuple[int, ...]]


def among(material: Material, context: Surroundings) -> Material:
    """The question with its answers, and with wrong candidates from nearby material.

    A function's summary serves as its question. Snippets that share the most tokens with the answers come first; one
    that equals or nearly equals an answer, that calls the same functions, or that belongs to a question with the same
    topic or mostly the same words, is never used.
    """
    question = _as_question(material)
    if question is None or not question.answers:
        return material
    answers = tuple(question.candidates[place] for place in question.answers)
    question = replace(question, candidates=answers, answers=tuple(range(len(answers))))
    pool = _pools(context).get(question.language, _Pool((), {}))
    is_function = isinstance(material, Function)
    foreign = tuple(islice(_most_alike(question, pool, is_function), CANDIDATES - 1))
    return replace(question, candidates=answers + foreign)


def _as_question(material: Material) -> Question | None:
    if isinstance(material, Question):
        return material
    if isinstance(material, Function):
        text = material.summary
        spoken = material.text_language
        return Question(
            material.language,
            text,
            (material.code,),
            (0,),
            licence=material.licence,
            origin=material.origin,
            text_language=spoken,
        )
    return None


@lru_cache(maxsize=2)
def _pools(context: Surroundings) -> Mapping[str, _Pool]:
    """The nearby answers by programming language that are not barred; unlike other blocks of a post, they are code."""
    found: dict[str, list[_Snippet]] = {}
    for material in context.materials:
        question = _as_question(material)
        if question is not None:
            answers = (question.candidates[place] for place in question.answers)
            is_function = isinstance(material, Function)
            snippets = (_snippet(code, question, is_function) for code in answers if code not in context.barred)
            found.setdefault(question.language, []).extend(snippets)
    return {language: _Pool(tuple(snippets), _telling_places(snippets)) for language, snippets in found.items()}


def _snippet(code: str, question: Question, is_function: bool) -> _Snippet:
    run = tokens(code)
    compared = profile(question.text, code, question.language, of_summary=is_function)
    return _Snippet(code, " ".join(run), frozenset(run), question.topic, _key(question.text), question.origin, compared)


def _key(text: str) -> str:
    return " ".join(tokens(text))


def _telling_places(snippets: Sequence[_Snippet]) -> Mapping[str, tuple[int, ...]]:
    """The snippets that contain each token, without tokens that most snippets contain."""
    places: dict[str, list[int]] = {}
    for place, snippet in enumerate(snippets):
        for token in snippet.tokens:
            places.setdefault(token, []).append(place)
    return {token: tuple(where) for token, where in places.items() if 2 * len(where) <= len(snippets)}


def _most_alike(question: Question, pool: _Pool, is_function: bool) -> Iterator[str]:
    answers = [_snippet(question.candidates[place], question, is_function) for place in question.answers]
    longest = max(_MOST_CHARS, 2 * max(len(answer.code) for answer in answers))
    known = {_key(code) for code in question.candidates}
    taken: list[_Snippet] = []
    asked = _key(question.text)
    for snippet in _ranked(answers, pool):
        is_own = snippet.origin == question.origin or (snippet.topic == question.topic and bool(snippet.topic))
        is_known = snippet.asked == asked or snippet.key in known
        if is_own or is_known or len(snippet.code) > longest or _likeness(snippet, (*answers, *taken)) >= _TOO_ALIKE:
            continue
        is_repeated = any(snippet.profile.form == other.profile.form for other in taken)
        if not is_repeated and not any(is_rival(snippet.profile, answer.profile) for answer in answers):
            known.add(snippet.key)
            taken.append(snippet)
            yield snippet.code


def _ranked(answers: Sequence[_Snippet], pool: _Pool) -> Iterator[_Snippet]:
    """The pool, most similar first; only the first few by distinctive tokens are compared in full."""
    shared = Counter(chain.from_iterable(pool.places.get(token, ()) for answer in answers for token in answer.tokens))
    by_tokens = sorted(shared, key=lambda place: (-shared[place], place))
    first = [pool.snippets[place] for place in by_tokens[:_COMPARED]]
    yield from sorted(first, key=lambda snippet: (-_likeness(snippet, answers), snippet.key, snippet.code))
    yield from (pool.snippets[place] for place in by_tokens[_COMPARED:])
    yield from (snippet for place, snippet in enumerate(pool.snippets) if place not in shared)


def _likeness(snippet: _Snippet, answers: Sequence[_Snippet]) -> float:
    """Jaccard similarity of the token sets of a snippet and the closest answer."""
    both = [(len(snippet.tokens & answer.tokens), len(answer.tokens)) for answer in answers]
    return max(common / (len(snippet.tokens) + size - common) if common else 0.0 for common, size in both)


def draft(material: Material, seed: int) -> Draft | None:
    """One of the answers among the wrong snippets, shuffled by seed; None where there are too few of these."""
    if not isinstance(material, Question) or not material.answers:
        return None
    answer = material.candidates[material.answers[seed % len(material.answers)]]
    right = {_key(material.candidates[place]) for place in material.answers}
    wrong = [code for code in material.candidates if _key(code) not in right]
    if len(wrong) < FEWEST_CANDIDATES - 1:
        return None
    listed = _drawn([answer, *wrong], seed)
    return Draft(
        input=json.dumps(listed, ensure_ascii=False),
        output=answer,
        asked=material.text,
        wordings=WORDINGS,
        named_by=(_key(material.text), _key(answer)),
    )


def _drawn(snippets: Iterable[str], seed: int) -> list[str]:
    """The snippets, shuffled by seed."""
    return sorted(snippets, key=lambda code: (row_seed(seed, code), code))


def candidates_of(listed: str) -> tuple[str, ...]:
    """The candidates in a row's input; none if it is not such a list."""
    try:
        found = json.loads(listed)
    except ValueError:
        return ()
    return tuple(found) if isinstance(found, list) and all(isinstance(code, str) for code in found) else ()


TASK = Task(
    name="code-search",
    group="text-to-code",
    form="instruction: the question; input: a JSON list of candidate snippets; output: the one that answers, as listed",
    takes=(Function, Question),
    measure="choice",
    draft=draft,
    wordings=(WORDINGS,),
    among=among,
    candidates_of=candidates_of,
    code_fields=("output",),
    lists_candidates=True,
    counterpart=Counterpart(prose="instruction", code=("output",)),
    hub_category="text-retrieval",
)
