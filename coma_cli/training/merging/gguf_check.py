"""Whether a GGUF file computes what the model does that it was made of: read by transformers, compared on a few probes.

Import inside functions: it needs the train extra. llama.cpp itself is not needed; transformers undoes the blocks and
reads the weights into a model in float32. The tokens are those of the model: transformers' reader of GGUF tokenizers
knows only GPT-2's way to split text.
"""

import io
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import torch

from coma_cli.records import Record
from coma_cli.training.merging.verification import difference, logits_of


class GgufRow(Record):
    """The comparison of one GGUF file with the merged model; means are over positions."""

    kind: str
    positions: int
    max_logit_difference: float
    kl_divergence: float
    greedy_agreement: float

    @property
    def key(self) -> str:
        return self.kind


def compare_gguf(model: Any, file: Path, kind: str, probes: Sequence[torch.Tensor]) -> GgufRow:
    """Compare a GGUF file with the merged model; `model` loads that and is called once, so that one is in memory."""
    import transformers

    merged = model()
    expected = torch.cat([logits_of(merged, ids, torch.float32) for ids in probes])
    del merged
    transformers.utils.logging.disable_progress_bar()
    with redirect_stderr(io.StringIO()):  # the GGUF reader shows its own progress bar, with or without a terminal
        read = transformers.AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, dtype=torch.float32
        ).eval()
    found = difference(expected, torch.cat([logits_of(read, ids, None) for ids in probes]))
    return GgufRow(
        kind=kind,
        positions=len(expected),
        max_logit_difference=found.gap.largest,
        kl_divergence=found.divergence,
        greedy_agreement=found.agreement,
    )
