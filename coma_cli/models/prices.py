"""Prices of remote chat models, which settings can override, and when OpenAI shuts models down.

Sources: OpenAI's price list as of August 2026 (openai.com/api/pricing), without discounts for cached prompts and
batches; its deprecations page (platform.openai.com/docs/deprecations) as of November 2026. List prices are not bills:
what a provider charges may differ by contract, region or date.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coma_cli.catalog import index

LimitField = Literal["max_tokens", "max_completion_tokens"]

AS_OF = "2026-08"
BATCH_SHARE = 0.5  # of the price, for requests in batches. Source: OpenAI's guide "Batch API", as of November 2026
# A dated snapshot has the price of its model: gpt-4o-2024-08-06, gpt-3.5-turbo-0125.
_SNAPSHOT = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{4})$")


@dataclass(frozen=True)
class RemoteModel:
    """A remote chat model: USD per million input and output tokens, and the name of its output token limit.

    `shut_down` is the day (ISO) from which OpenAI no longer serves it, `successor` what OpenAI recommends instead.
    """

    name: str
    input_usd_per_mtok: float
    output_usd_per_mtok: float
    limit_field: LimitField = "max_tokens"
    shut_down: str = ""
    successor: str = ""


# Reasoning models reject the older name of the limit.
_NEW: LimitField = "max_completion_tokens"

REMOTE_MODELS: Mapping[str, RemoteModel] = index(
    RemoteModel("gpt-3.5-turbo", 0.50, 1.50, shut_down="2026-10-23", successor="gpt-5.6-terra"),
    RemoteModel("gpt-4", 30.00, 60.00),
    RemoteModel("gpt-4-turbo", 10.00, 30.00),
    RemoteModel("gpt-4o", 2.50, 10.00),
    RemoteModel("gpt-4o-mini", 0.15, 0.60),
    RemoteModel("gpt-4.1", 2.00, 8.00),
    RemoteModel("gpt-4.1-mini", 0.40, 1.60),
    RemoteModel("gpt-4.1-nano", 0.10, 0.40),
    RemoteModel("gpt-5", 1.25, 10.00, _NEW),
    RemoteModel("gpt-5-mini", 0.25, 2.00, _NEW),
    RemoteModel("gpt-5-nano", 0.05, 0.40, _NEW),
    RemoteModel("gpt-5.6-terra", 2.50, 15.00, _NEW),
    RemoteModel("o3", 2.00, 8.00, _NEW),
    RemoteModel("o3-mini", 1.10, 4.40, _NEW),
    RemoteModel("o4-mini", 1.10, 4.40, _NEW),
)


def remote_model(name: str) -> RemoteModel | None:
    """The entry of a model or of a dated snapshot of it; None if it is not in the table."""
    return REMOTE_MODELS.get(name) or REMOTE_MODELS.get(_SNAPSHOT.sub("", name))
