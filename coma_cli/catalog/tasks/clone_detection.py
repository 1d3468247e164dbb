"""Clone detection: tell whether two functions share a functionality, or find the clone of a function in a list.

A clone, as BigCloneBench's authors define it, is a function that implements the same functionality, such as copying a
file, in whatever way and whatever else it does. No wording claims more than that.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import islice

from coma_cli.catalog.material import ClonePair, Material
from coma_cli.catalog.tasks.task import Draft, Surroundings, Task, Wordings
from coma_cli.records import TextLanguage, row_seed
from coma_cli.syntax.called_names import FEWEST_NAMES, called_names, shared_calls
from coma_cli.syntax.shared_functionality import seemingly_shared

WORDINGS: Wordings = {
    "en": (
        "Do these two {language} functions share a functionality? Answer yes or no.",
        "Is there a functionality that both {language} functions below implement? Answer yes or no.",
        "Compare the two pieces of {language} code. Do both implement the same functionality, perhaps among other "
        "things? Answer yes or no.",
        "Answer yes if the following {language} functions have a functionality in common, and no if they don't.",
        "Here are two {language} functions. Does each of them implement the same functionality in its own way? "
        "Answer yes or no.",
        "Two functions are semantic clones if they implement the same functionality, even in different ways. Are these "
        "two {language} functions semantic clones? Answer yes or no.",
        "Decide whether both {language} functions below implement a common functionality. Answer yes or no.",
        "Look at the two {language} functions and tell whether they share a functionality (yes/no).",
    ),
    "cn": (
        "下面两个 {language} 函数是否实现了某个相同的功能？请回答“相同”或“不同”。",
        "若两个函数都实现了同一功能（方式可以不同），则互为语义克隆。请判断这两个 {language} 函数是否互为语义克隆，"
        "是则回答“相同”，否则回答“不同”。",
        "比较这两段 {language} 代码，它们是否都实现了同一功能（可以还有其他功能）？请回答“相同”或“不同”。",
        "如果以下 {language} 函数有共同的功能，请回答“相同”，否则回答“不同”。",
        "这里有两个 {language} 函数，它们是否各自以自己的方式实现了同一功能？请用“相同”或“不同”作答。",
        "是否有某个功能在下面两个 {language} 函数中都得到实现？有则回答“相同”，没有则回答“不同”。",
        "请判断这对 {language} 函数是否实现了共同的功能，回答“相同”或“不同”。",
        "阅读下面两个 {language} 函数，判断它们有无共同的功能，回答“相同”或“不同”。",
    ),
}
SEARCH_WORDINGS: Wordings = {
    "en": (
        "Find the clone of this {language} function among the candidates: the one that shares a functionality with it.",
        "Which of the candidates shares a functionality with the {language} function above them? Copy it.",
        "One of the {language} candidates implements the same functionality as the given function. Return that one.",
        "Pick the candidate that is a semantic clone of the {language} function.",
        "Return the {language} candidate that has a functionality in common with the function.",
        "Search the list of {language} functions for a semantic clone of the first function, and copy it.",
        "Only one {language} candidate shares a functionality with the given function. Which one?",
        "Given a {language} function and a list of candidates, write out the candidate that is its clone.",
    ),
    "cn": (
        "请在候选代码中找出这个 {language} 函数的克隆，即与它有共同功能的那一个。",
        "候选代码中哪一个与上面的 {language} 函数有共同的功能？请原样写出。",
        "其中一段 {language} 候选代码实现了与给定函数相同的功能，请返回这一段。",
        "请选出与该 {language} 函数互为语义克隆的候选代码。",
        "请返回与该函数有共同功能的 {language} 候选代码。",
        "请在 {language} 函数列表中查找第一个函数的语义克隆，并原样写出。",
        "只有一段 {language} 候选代码与给定函数有共同的功能，是哪一段？",
        "给定一个 {language} 函数和若干候选，请写出作为其克隆的那一段候选代码。",
    ),
}
LABELS: Mapping[TextLanguage, tuple[str, str]] = {"en": ("yes", "no"), "cn": ("相同", "不同")}
_TITLES: dict[TextLanguage, str] = {"en": "Function {number}:", "cn": "函数 {number}："}
_FUNCTION: dict[TextLanguage, str] = {"en": "Function:", "cn": "函数："}
_CANDIDATE: dict[TextLanguage, str] = {"en": "Candidate {number}:", "cn": "候选 {number}："}
_CANDIDATE_TITLE = re.compile(r"\n\n(?:Candidate \d+:|候选 \d+：)\n")
# Nobody compared most of the pairs labelled no, and a yes is only about one of several functionalities.
WEAK = "weak-label"
_OTHERS = 4  # wrong candidates
_ONE_IN = 4  # pairs of clones that become a search
_FEWEST_SHARED = 0.4  # of what the two of a search call; labels alone are too weak for one
_MOST_SHARED = 0.2  # of what a wrong candidate calls, with either function


def among(material: Material, context: Surroundings) -> Material:
    """A pair of clones, some of them with functions from nearby pairs that plainly do something else."""
    if not isinstance(material, ClonePair) or not material.clones or _draw(material) % _ONE_IN:
        return material
    if shared_calls(material.first, material.second) < _FEWEST_SHARED:
        return material
    others = tuple(islice(_unlike(material, _nearby(context)), _OTHERS))
    return replace(material, others=others) if len(others) == _OTHERS else material


def _draw(pair: ClonePair) -> int:
    return row_seed(0, f"{pair.first}|{pair.second}")


@lru_cache(maxsize=2)
def _nearby(context: Surroundings) -> tuple[str, ...]:
    pairs = (material for material in context.materials if isinstance(material, ClonePair))
    functions = dict.fromkeys(code for pair in pairs for code in (pair.first, pair.second))
    return tuple(code for code in functions if len(called_names(code)) >= FEWEST_NAMES)


def _unlike(pair: ClonePair, functions: tuple[str, ...]) -> Iterator[str]:
    """The functions that call hardly anything that one of the pair calls, in an order that the pair decides."""
    if min(len(called_names(code)) for code in (pair.first, pair.second)) < FEWEST_NAMES:
        return
    start = _draw(pair) % max(len(functions), 1)
    longest = 2 * max(len(pair.first), len(pair.second))
    for code in (*functions[start:], *functions[:start]):
        alike = max(shared_calls(code, pair.first), shared_calls(code, pair.second))
        rival = any(seemingly_shared(code, one) for one in (pair.first, pair.second))
        if alike < _MOST_SHARED and len(code) <= longest and not rival:
            yield code


def draft(material: Material, seed: int) -> Draft | None:
    """Both functions under their titles and the label word; or one of them, candidates, and the other one."""
    if not isinstance(material, ClonePair):
        return None
    if material.others:
        return _search(material, seed)
    title = _TITLES[material.text_language]
    parts = (f"{title.format(number=n)}\n{code}" for n, code in ((1, material.first), (2, material.second)))
    yes, no = LABELS[material.text_language]
    return Draft("\n\n".join(parts), yes if material.clones else no, wordings=WORDINGS, remark=WEAK)


def _search(pair: ClonePair, seed: int) -> Draft:
    listed = sorted((pair.second, *pair.others), key=lambda code: (row_seed(seed, code), code))
    title = _CANDIDATE[pair.text_language]
    parts = [f"{_FUNCTION[pair.text_language]}\n{pair.first}"]
    parts += [f"{title.format(number=number)}\n{code}" for number, code in enumerate(listed, start=1)]
    return Draft("\n\n".join(parts), pair.second, wordings=SEARCH_WORDINGS, remark=WEAK)


def candidates_of(text: str) -> tuple[str, ...]:
    """The candidates in the input of a search; none in that of a yes/no question."""
    return tuple(_CANDIDATE_TITLE.split(text)[1:])


TASK = Task(
    name="clone-detection",
    group="code-to-code",
    form="input: two functions under the titles Function 1 and Function 2; output: yes if they share a functionality, "
    "else no. Or input: a function and candidates; output: the candidate that shares a functionality with it",
    takes=(ClonePair,),
    measure="choice",
    draft=draft,
    wordings=(WORDINGS, SEARCH_WORDINGS),
    among=among,
    candidates_of=candidates_of,
    asks_by_input=True,
    labels=LABELS,
    hub_category="text-classification",
)
