"""From a completion to the answer that is compared: thinking, end tokens and the fence around code do not count."""

from coma_cli.corpus.extraction.blocks import blocks_of, in_markdown
from coma_cli.corpus.extraction.program import answer_of
from coma_cli.corpus.metrics.measures import OF_CODE
from coma_cli.corpus.metrics.metric import Answered
from coma_cli.records import Problem


def answer_text(problem: Problem, completion: str) -> str:
    """The answer in a completion; of an answer in code with fenced blocks, the code of the first one."""
    text, _ = answer_of(completion)
    if problem.held_out is not None and problem.held_out.measure in OF_CODE:
        blocks = blocks_of(in_markdown(text))
        return blocks[0].code if blocks else text
    return text


def answered(problem: Problem, completion: str, log_probabilities: tuple[float, ...] = ()) -> Answered:
    """A completion of a held-out problem in the form that metrics take."""
    return compared(problem, answer_text(problem, completion), log_probabilities)


def compared(problem: Problem, answer: str, log_probabilities: tuple[float, ...] = ()) -> Answered:
    """An answer, as `answer_text` finds it, beside what it is compared with."""
    row = problem.held_out
    assert row is not None
    return Answered(
        answer=answer,
        reference=problem.reference,
        language=row.answer_language,
        text_language=row.text_language,
        labels=row.labels,
        candidates=row.candidates,
        log_probabilities=log_probabilities,
    )
