"""Which metrics compare an answer with its reference, for each kind of answer that a task has."""

from collections.abc import Mapping

from coma_cli.corpus.metrics.bleu import BLEU, SENTENCE_BLEU
from coma_cli.corpus.metrics.chrf import CHRF
from coma_cli.corpus.metrics.classification import ACCURACY, F1, PRECISION, RECALL
from coma_cli.corpus.metrics.codebleu.codebleu import CODEBLEU
from coma_cli.corpus.metrics.matching import EDIT_SIMILARITY, LINE_MATCH, LINES_MATCH, WORDS_MATCH
from coma_cli.corpus.metrics.metric import Metric
from coma_cli.corpus.metrics.ranking import CHOICE_ACCURACY, MRR
from coma_cli.records import Measure

MEASURES: Mapping[Measure, tuple[Metric, ...]] = {
    "labels": (ACCURACY, PRECISION, RECALL, F1),
    "choice": (CHOICE_ACCURACY, MRR),
    "word": (CHOICE_ACCURACY,),
    "line": (LINE_MATCH, EDIT_SIMILARITY),
    "rewrite": (LINES_MATCH, BLEU, CODEBLEU),
    "summary": (SENTENCE_BLEU, CHRF),
    "code": (WORDS_MATCH, CODEBLEU),
    # One metric alone, as rows of own benchmarks name it.
    "exact-match": (WORDS_MATCH,),
    "edit-similarity": (EDIT_SIMILARITY,),
    "bleu": (BLEU,),
    "sentence-bleu": (SENTENCE_BLEU,),
    "chrf": (CHRF,),
    "codebleu": (CODEBLEU,),
}
OF_CODE: frozenset[Measure] = frozenset({"choice", "line", "rewrite", "code", "bleu", "codebleu"})
