"""What both seeds published of their own: results to compare with, not bases to begin from.

Only abbreviated commits are known of most; the Hub takes whole ones, so `seen_at` identifies what was looked at and
can't be fetched.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedResult:
    """A tuned model or a LoRA adapter on the Hub; `base` is coma's name of what it was made from, None if unknown."""

    hub_id: str
    kind: str
    base: str | None
    seen_at: str
    notes: str = ""

    @property
    def url(self) -> str:
        """The URL of its card."""
        return f"https://huggingface.co/{self.hub_id}"


_PICKLED = "Pickled."
PUBLISHED_RESULTS = (
    PublishedResult(
        "Fsoft-AIC/CodeCapybara",
        "model",
        "llama-7b",
        "55c1e67",
        "CodeCapybara; minhngh/CodeCapybara is its former place. Pickled: --allow-pickle.",
    ),
    PublishedResult("Fsoft-AIC/CodeCapybara-LoRA", "adapter", "llama-7b-decapoda", "6008455", _PICKLED),
    PublishedResult(
        "hungquocto/CodeCapybara-LoRA", "adapter", "llama-7b-decapoda", "3365764", f"A copy of the former. {_PICKLED}"
    ),
    PublishedResult("tloen/alpaca-lora-7b", "adapter", "llama-7b-decapoda", "", f"Alpaca-LoRA. {_PICKLED}"),
    PublishedResult("Denilah/CoMA-7B", "model", None, "", "Unverified: only linked from CoMA's README."),
)
