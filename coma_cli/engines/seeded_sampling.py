"""Samples the next token for every row of a batch, each row with its own random number.

transformers' `generate` has one global generator, so a row's sample depends on its neighbours and its position in the
batch. Here each row brings one uniform number per token, and the token is chosen by inverting the cumulative
distribution. Temperature, top-k and top-p are applied in this order, as in transformers; the nucleus is the smallest
set of most likely tokens whose probabilities reach top-p (Holtzman et al. 2020, arXiv 1904.09751, section 3.1).

In bfloat16 equal logits are common (72 % of positions of SmolLM2 have a tie at a top-40 cut), and `topk` returns ties
in an order that may differ between calls and devices. So everything at or above the k-th value is kept, as transformers
does, and tokens are ordered by value, then by token id.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from coma_cli.engines.interface import Decoding

# Sorting a vocabulary costs more than a step of a small model; the top tokens nearly always contain the nucleus.
CANDIDATES = 256
SPARE_CANDIDATES = 16  # beyond top-k, for ties at the k-th value
WIDTH = 32  # tokens of a group
CHUNK_VALUES = 1 << 18  # at once on a CPU: 1 MiB in float32


class Draw(NamedTuple):
    """The sampled tokens, `(rows,)`, and their log-probabilities under the model, before any cut; both on the CPU."""

    tokens: torch.Tensor
    log_probabilities: torch.Tensor


def draw_tokens(logits: torch.Tensor, decodings: Sequence[Decoding], uniforms: torch.Tensor) -> Draw:
    """One token for each row of `logits` `(rows, vocabulary)`; `uniforms` is `(rows,)`.

    A row's token depends on nothing but its logits, settings and number. One transfer from the device, unless a row
    needs its whole vocabulary sorted.
    """
    if logits.device.type == "mps":  # has no float64
        logits = logits.cpu()
    uniforms = uniforms.to(logits.device)
    decodings = [_that_matter(decoding) for decoding in decodings]
    summary = summary_of(logits)
    if len(set(decodings)) == 1:
        tokens, decided = _draw_alike(logits, decodings[0], uniforms, summary)
    else:
        tokens = torch.zeros(len(decodings), dtype=torch.long, device=logits.device)
        decided = torch.ones_like(tokens, dtype=torch.bool)
        for decoding in dict.fromkeys(decodings):  # of all rows each time: how many there are could decide last bits
            own = torch.tensor([other == decoding for other in decodings], device=logits.device)
            drawn = _draw_alike(logits, decoding, uniforms, summary)
            tokens, decided = torch.where(own, drawn[0], tokens), torch.where(own, drawn[1], decided)
    chosen = (logits.gather(-1, tokens[:, None])[:, 0].float() - summary.total).double()
    packed = torch.stack([tokens.double(), chosen, decided.double()]).cpu()
    tokens, chosen = packed[0].long(), packed[1]
    for row in (packed[2] == 0).nonzero()[:, 0].tolist():
        one = slice(row, row + 1)
        token = _draw_sorted(logits[one].float(), decodings[row], uniforms[one])
        tokens[row] = token
        chosen[row] = (logits[row, token].float() - summary.total[row]).double()
    return Draw(tokens, chosen)


class Summary(NamedTuple):
    """Of each row of logits: `total`, the log of the sum of exponentials, `(rows,)`, and the maxima of its groups.

    A group has `WIDTH` tokens whose ids differ by the number of groups; `maxima` is `(rows, groups)`.
    """

    total: torch.Tensor
    maxima: torch.Tensor


def summary_of(logits: torch.Tensor, temperature: float = 1.0) -> Summary:
    """The summary of logits divided by a temperature.

    A CPU takes a few rows at a time, whose numbers stay in its second-level cache: all rows at once would be written to
    memory and read from it six times, which took as long as the model's products. The number is a power of two, so that
    it divides that of rows with `--deterministic`.
    """
    rows, vocabulary = logits.shape
    at_once = rows if logits.device.type != "cpu" else 2 ** max(0, int(math.log2(CHUNK_VALUES / vocabulary)))
    totals, maxima = [], []
    for some in logits.split(max(1, at_once)):
        values = some.float() if temperature == 1 else some.float() / temperature
        by_group = _grouped(values).amax(1)
        largest = by_group.amax(-1, keepdim=True)
        totals.append((values - largest).exp_().sum(-1).log_() + largest[:, 0])
        maxima.append(by_group)
    return Summary(torch.cat(totals), torch.cat(maxima))


def _grouped(logits: torch.Tensor) -> torch.Tensor:
    """`(rows, WIDTH, groups)`, with a number of tokens that `WIDTH` does not divide filled up."""
    if logits.shape[-1] % WIDTH:
        logits = torch.nn.functional.pad(logits, (0, -logits.shape[-1] % WIDTH), value=-math.inf)
    return logits.unflatten(-1, (WIDTH, -1))


def _that_matter(decoding: Decoding) -> Decoding:
    """The settings that decide a token: limits of length don't."""
    return Decoding(decoding.temperature, decoding.top_p, decoding.top_k, max_new_tokens=0)


def _draw_alike(
    logits: torch.Tensor, decoding: Decoding, uniforms: torch.Tensor, summary: Summary
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens for rows with the same settings, and which of them are decided: the others need a sorted vocabulary."""
    vocabulary = logits.shape[-1]
    greedy, limited = decoding.temperature == 0, 0 < decoding.top_k < vocabulary
    if not greedy and not limited and decoding.top_p >= 1:
        everything = (logits.float() / decoding.temperature).softmax(-1)
        return _position(everything, uniforms), torch.ones_like(uniforms, dtype=torch.bool)
    wanted = 1 if greedy else decoding.top_k if limited else CANDIDATES
    spare = 0 if wanted == CANDIDATES else SPARE_CANDIDATES
    values, ids = most_likely(logits, min(vocabulary, wanted + spare), summary.maxima)
    whole, last = values.shape[-1] == vocabulary, values[:, -1]
    if greedy:
        return ids[:, 0], (last < values[:, 0]) | whole | last.isnan()
    if limited:
        smallest = values[:, decoding.top_k - 1]
        return _draw_kept(values, ids, decoding, uniforms), (last < smallest) | whole | last.isnan()
    total = summary.total if decoding.temperature == 1 else summary_of(logits, decoding.temperature).total
    probabilities = (values / decoding.temperature - total[:, None]).exp()
    # Tokens outside may be as likely as the last candidate, so the nucleus has to end before that value.
    surely = probabilities.masked_fill(values == last[:, None], 0.0).double().sum(-1)
    return _invert(probabilities, ids, decoding.top_p, uniforms), (surely >= decoding.top_p) | whole | last.isnan()


def _draw_kept(values: torch.Tensor, ids: torch.Tensor, decoding: Decoding, uniforms: torch.Tensor) -> torch.Tensor:
    """Sample among the candidates at or above the k-th value."""
    scaled = values / decoding.temperature
    kept = scaled.masked_fill(values < values[:, decoding.top_k - 1 : decoding.top_k], -math.inf)
    return _invert(kept.softmax(-1), ids, decoding.top_p, uniforms)


def _draw_sorted(logits: torch.Tensor, decoding: Decoding, uniforms: torch.Tensor) -> int:
    """The token of one row, from its sorted vocabulary. One row at a time: the shape never depends on other rows."""
    values, ids = logits.sort(dim=-1, descending=True, stable=True)
    if decoding.temperature == 0:
        return int(ids[0, 0])
    if 0 < decoding.top_k < values.shape[-1]:
        return int(_draw_kept(values, ids, decoding, uniforms)[0])
    return int(_invert((values / decoding.temperature).softmax(-1), ids, decoding.top_p, uniforms)[0])


def most_likely(logits: torch.Tensor, count: int, maxima: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The `count` largest values of each row in float32 and their ids, `(rows, count)`, by value, then by id.

    Among tokens that tie with the last value, any may be missing. If there are many more groups than `count`, only
    those with the largest maxima are searched: they hold the largest values, and `maxima` are there already.
    """
    vocabulary, groups = logits.shape[-1], maxima.shape[-1]
    if groups < 2 * count:
        values, ids = logits.float().topk(count)
    else:
        chosen = maxima.topk(count).indices
        names = (chosen[:, None] + torch.arange(WIDTH, device=logits.device)[:, None] * groups).flatten(1)
        held = logits.gather(1, names.clamp(max=vocabulary - 1)).float()
        values, places = held.masked_fill(names >= vocabulary, -math.inf).topk(count)
        ids = names.gather(1, places).clamp(max=vocabulary - 1)
    by_id = ids.argsort(-1)
    values, ids = values.gather(-1, by_id), ids.gather(-1, by_id)
    values, order = values.sort(dim=-1, descending=True, stable=True)
    return values, ids.gather(-1, order)


def _invert(probabilities: torch.Tensor, ids: torch.Tensor, top_p: float, uniforms: torch.Tensor) -> torch.Tensor:
    """Sample from the nucleus of descending `probabilities` `(rows, candidates)`, which need not sum to one."""
    if top_p < 1:
        before = probabilities.double().cumsum(-1) - probabilities
        probabilities = probabilities.masked_fill(before >= top_p, 0.0)
    return ids.gather(-1, _position(probabilities, uniforms)[:, None])[:, 0]


def _position(weights: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """The index at which each row's number falls in its cumulative weights; never one with weight zero."""
    cumulated = weights.double().cumsum(-1)
    aims = uniforms[:, None] * cumulated[:, -1:]
    found = torch.searchsorted(cumulated, aims, right=True)[:, 0]
    # Rounding can make the target equal to the total: then choose the last token with a non-zero weight.
    last = (cumulated < cumulated[:, -1:]).sum(-1)
    return torch.minimum(found, last)
