"""Drop reasons: every code that `dropped.jsonl` of build-data and gen-instructions may contain, with its explanation.

To add one: a line here. Using a code that has no line is an error.
"""

from collections.abc import Mapping

DROP_REASONS: Mapping[str, str] = {
    # Sources, cleaning, decontamination and deduplication.
    "answer-withheld": "the publisher does not publish the answer",
    "boilerplate": "the answer is a stock phrase",
    "broken-row": "the row is not in the source's format",
    "broken-source": "the file can't be read to its end",
    "cut-answer": "the answer breaks off",
    "contaminated": "shares ten words or more with a benchmark problem, or holds its solution under other names",
    "does-not-parse": "the code is not a valid program in its language",
    "duplicate": "asks and answers the same as an earlier row",
    "duplicate-id": "the source has an earlier row with the same id",
    "duplicate-of-reference": "has the same or nearly the same question or answer as a row of a --dedup-against file",
    "empty-body": "the function does nothing but raise or pass",
    "empty-code": "there is no code",
    "empty-instruction": "the instruction is empty",
    "empty-output": "the output is empty",
    "empty-statement": "the problem has no statement",
    "failed-upstream": "the row failed its publisher's own checks",
    "file-too-large": "the file is too large to be written by hand",
    "generated-file": "the file says that a program wrote it",
    "incomplete-statement": "formulas of the problem's statement are images, which are missing",
    "index-past-end": "an index points past the end of the file that it refers to",
    "leaks-answer": "the code holds a sentence of its documentation",
    "licence-not-allowed": "the row's licence is not among those requested",
    "minified-file": "the file's lines are too long to be written by hand",
    "missing-column": "the row lacks a column",
    "missing-file": "a file of texts that ids refer to is missing",
    "missing-function": "a pair refers to a function that is missing",
    "near-duplicate": "asks and answers nearly the same as an earlier row",
    "no-answer": "none of the candidates answers the question",
    "no-code-task": "an interview question, which asks for no code",
    "no-prose": "the documentation has no prose",
    "no-solution": "the problem has no solution in a known language",
    "not-code": "the code is mostly numbers or comments",
    "repeated-shape": "its code differs only in names and literals from that of near.per_shape other rows",
    "same-text": "both sides of a pair are the same text",
    "not-how-to": "the question's title does not ask how to do a thing",
    "not-standard-io": "the problem's programs read or write files",
    "other-language": "the code is clearly in another language than the row says",
    "secret": "holds a key, a token or a private e-mail address",
    "text-language": "the text is not in a requested language, or not in the one that the row names",
    "too-long": "longer than the limits",
    "too-short": "shorter than the limits",
    "twin-in-train": "a validation row with the same or nearly the same text as a training row",
    "undecodable": "contains replacement characters (undecodable bytes)",
    "undecodable-file": "the file can't be decoded",
    "unknowable-fix": "nothing in the buggy code tells the fix: most of the code goes, or only the access changes",
    "unlike-clones": "a pair labelled as clones whose functions call hardly anything in common",
    # Answers of a language model, in gen-instructions.
    "does-nothing": "the program defines things and runs none of them",
    "echoes-the-request": "the text repeats words of the request",
    "empty": "the answer holds nothing",
    "instruction-holds-code": "the instruction holds a block of code",
    "instruction-too-long": "the instruction has more words than the filters allow",
    "instruction-too-short": "the instruction has fewer words than the filters allow",
    "mentions-the-code": "the instruction speaks of code that its reader does not have",
    "no-code-block": "the answer has no block of code",
    "no-instruction": "the answer has no instruction between its tags",
    "no-text": "the answer has no text between its tags",
    "other-text-language": "the text is not in the requested language",
    "program-too-short": "the program has fewer lines than the filters allow",
    "quotes-the-answer": "the instruction holds the whole answer",
    "reads-input": "the program waits for input",
    "refusal": "the model declined to answer",
    "request-refused": "the server refused the request for good",
    "several-code-blocks": "the answer has more than one program",
    "several-instructions": "the answer has more than one instruction",
    "several-texts": "the answer has more than one text",
    "text-holds-code": "the text holds a block of code",
    "text-holds-markup": "the text holds HTML",
    "traditional-characters": "the text has traditional Chinese characters where simplified ones were requested",
    "truncated": "the answer reached the limit of tokens",
    "unclosed-block": "a block of code in the answer is not closed",
    "unclosed-tag": "a tag in the answer is not closed",
    "wrong-language": "the answer's program is in another language",
}


def require_known(reason: str) -> None:
    """Raise ValueError for a code that is not in the table."""
    if reason not in DROP_REASONS:
        raise ValueError(f"The drop reason {reason!r} has no line in {__name__}.")
