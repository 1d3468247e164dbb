"""Estimates the further requests of a run: repairs, asserts and further programs, per code function."""

from dataclasses import dataclass

from coma_cli.instructions.settings import GenSettings

_EXPECTED_ASSERT_TOKENS = 200
_MORE_PROMPT_TOKENS = 120  # of a prompt that shows a program again: its words, and an error


@dataclass(frozen=True)
class FurtherRequests:
    """Counts over all functions: calls, tokens read and written, and bounds of these; every repair is counted."""

    calls: int = 0
    read: int = 0
    written: int = 0
    most_read: int = 0
    most_written: int = 0


def further_requests(
    settings: GenSettings, functions: int, python: int, read: int, most_read: int, program_tokens: int
) -> FurtherRequests:
    """`read` and `most_read` are the tokens of all prompts of round two, `python` counts functions in Python.

    `program_tokens` are those of an expected program.
    """
    longest = settings.round_two.max_new_tokens
    tries = settings.tries - 1
    repairs, asserts, others = settings.repair * functions, python * settings.self_test, python * tries
    calls = repairs + asserts + others
    shown = _MORE_PROMPT_TOKENS + program_tokens
    per_prompt, most_per_prompt = (total // max(functions, 1) for total in (read, most_read))
    return FurtherRequests(
        calls=calls,
        read=repairs * (per_prompt + shown) + asserts * shown + others * per_prompt,
        written=(repairs + others) * program_tokens + asserts * min(_EXPECTED_ASSERT_TOKENS, longest),
        # A program that is shown again may be as long as an answer, at 8 bytes per token.
        most_read=calls * (most_per_prompt + 8 * longest + 4 * _MORE_PROMPT_TOKENS),
        most_written=calls * longest,
    )
