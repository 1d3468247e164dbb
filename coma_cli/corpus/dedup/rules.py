"""The settings of near duplicates, apart from the search for them: a command's help needs no numpy."""

from functools import lru_cache
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

# Pairs exactly at the threshold are proposed with at least this probability; those above it with a higher one.
_PROPOSED_AT_THRESHOLD = 0.995


class NearRules(BaseModel):
    """When two rows are near duplicates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(default=True, description="Drop near duplicates, not only exact ones")
    threshold: float = Field(default=0.8, ge=0.3, le=1, description="Minimum Jaccard similarity of shingles (0 to 1)")
    permutations: int = Field(default=128, ge=16, le=1024, description="Number of MinHash permutations")
    shingle_tokens: int = Field(default=5, ge=1, le=20, description="Tokens per shingle")
    min_tokens: int = Field(default=12, ge=1, description="Texts with fewer tokens are only compared exactly")
    per_question: int = Field(
        default=2, ge=1, description="Maximum number of rows with the same question and different programs"
    )
    per_shape: int = Field(
        default=20,
        ge=1,
        description="Maximum number of translations of code that differs only in names and literals",
    )
    per_function: int = Field(
        default=6, ge=1, description="Maximum number of pairs, of clones and of others, that show the same function"
    )

    @property
    def banding(self) -> "Banding":
        """How the values are cut into bands for this threshold."""
        return banding(self.threshold, self.permutations)


class Banding(NamedTuple):
    """`bands` bands of `rows` values each."""

    bands: int
    rows: int


@lru_cache(maxsize=16)
def banding(threshold: float, permutations: int) -> Banding:
    """The longest bands (which propose the fewest pairs) that still propose nearly every pair at the threshold."""
    for rows in range(permutations, 1, -1):
        bands = permutations // rows
        if 1 - (1 - threshold**rows) ** bands >= _PROPOSED_AT_THRESHOLD:
            return Banding(bands, rows)
    return Banding(permutations, 1)
