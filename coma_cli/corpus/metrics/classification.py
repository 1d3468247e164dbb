"""Yes/no questions: accuracy, precision, recall and F1, with answers that are neither label counted as wrong.

Sources: CodeXGLUE's evaluators of clone detection (precision, recall and F1 of the label yes, as scikit-learn computes
them: 0 where nothing is divided by nothing) and of defect detection (accuracy).
"""

import re
from typing import Literal

from coma_cli.corpus.metrics.metric import Answered, Floats, Metric, mean, ratio

Label = Literal["yes", "no"]
_AROUND = " \t\r\n\"'`*“”「」『』"
_END = re.compile(r"\s*(?:[.,;:!。，；：！\n]|$)")


def label_of(answer: str, labels: tuple[str, str]) -> Label | None:
    """Which label an answer is; None for an answer that is neither.

    An answer is a label if it begins with it, the label is followed by punctuation, a line break or nothing, and the
    other label does not occur as a word in the rest: "Yes, both copy a file." is a yes, "yes and no" is neither. Case,
    quotes and emphasis around the label do not count.
    """
    text = answer.strip(_AROUND).casefold()
    found = [place for place, label in enumerate(labels) if _is_label(text, label.casefold())]
    if len(found) != 1:
        return None
    label, other = labels[found[0]].casefold(), labels[1 - found[0]].casefold()
    if _occurs(other, text[len(label) :]):
        return None
    return "no" if found[0] else "yes"


def _is_label(text: str, label: str) -> bool:
    rest = text[len(label) :].lstrip("\"'`*”」』")
    return text.startswith(label) and _END.match(rest) is not None


def _occurs(label: str, text: str) -> bool:
    """Whether a label occurs as a word; Chinese has no spaces between words."""
    return re.search(rf"\b{re.escape(label)}\b" if label.isascii() else re.escape(label), text) is not None


def statistics(row: Answered) -> tuple[float, ...]:
    """(right, all, true positives, predicted positives, actual positives, neither label), each 0 or 1.

    Raises:
        ValueError: the row has no labels, or its reference is none of them.
    """
    if row.labels is None or row.reference not in row.labels:
        raise ValueError(f"the reference {row.reference[:40]!r} is not a label")
    actual = row.reference == row.labels[0]
    found = label_of(row.answer, row.labels)
    right = found == ("yes" if actual else "no")
    return (right, 1, actual and found == "yes", found == "yes", actual, found is None)


def precision(sums: Floats) -> Floats:
    """True positives among predicted ones."""
    return ratio(sums[..., 2], sums[..., 3], undefined=0.0)


def recall(sums: Floats) -> Floats:
    """True positives among actual ones."""
    return ratio(sums[..., 2], sums[..., 4], undefined=0.0)


def f1(sums: Floats) -> Floats:
    """The harmonic mean of precision and recall: 2 TP / (predicted + actual positives)."""
    return ratio(2 * sums[..., 2], sums[..., 3] + sums[..., 4], undefined=0.0)


ACCURACY = Metric("accuracy", statistics, mean)
PRECISION = Metric("precision", statistics, precision)
RECALL = Metric("recall", statistics, recall)
F1 = Metric("f1", statistics, f1)
