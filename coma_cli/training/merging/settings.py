"""The settings of merge-lora."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from coma_cli.models.resolution import Trust
from coma_cli.settings import Runtime, StageSettings
from coma_cli.training.settings import Dtype, SettingsBlock

_PROBES_AT_MOST = 8


class VerificationBlock(SettingsBlock):
    """How the merged model is compared with base and adapter."""

    probes: int = Field(default=4, ge=1, le=_PROBES_AT_MOST, description="Prompts to compare on.")
    new_tokens: int = Field(default=32, ge=1, description="Tokens of greedy answer a probe.")
    max_logit_difference: float | None = Field(
        default=None, gt=0, description="Fail above this; default 0.01 for float32, 0.5 for float16, 5 for bfloat16."
    )


class MergeRuntime(Runtime):
    """How the merge is run on this machine."""

    trust_remote_code: bool = Field(default=False, description="Run Python code from the base's own repository.")
    allow_pickle: bool = Field(default=False, description="Read weights that are Python pickles.")


class MergeSettings(StageSettings):
    """The settings of `coma merge-lora`."""

    EXTENT: ClassVar[frozenset[str]] = frozenset()

    adapter: Path | None = Field(default=None, description="Folder of an adapter; default: the newest finetune's.")
    base: str | None = Field(default=None, description="The adapter's base, where it does not name one itself.")
    revision: str | None = Field(default=None, description="Commit, branch or tag of a base on the hub.")
    dtype: Dtype = Field(
        default="auto", description="Of the merged weights; default: float32 below 1B parameters, else the base's own."
    )
    onto: Literal["trained", "published"] = Field(
        default="trained",
        description="After QLoRA: merge into the 4-bit base as trained on, or into the published one.",
    )
    verification: VerificationBlock = VerificationBlock()
    runtime: MergeRuntime = MergeRuntime()

    def identity(self) -> dict[str, Any]:
        """All that decides the weights; adapter and base count by their content, which is among the run's inputs."""
        identity = super().identity()
        for name in ("adapter", "base", "revision"):
            identity.pop(name)
        return identity

    @property
    def trust(self) -> Trust:
        """Which code of the base's repository may be executed."""
        return Trust(remote_code=self.runtime.trust_remote_code, pickled=self.runtime.allow_pickle)
