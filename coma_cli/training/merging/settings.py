"""The settings of merge-lora."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from coma_cli.catalog.bases import BASES
from coma_cli.models.resolution import Trust
from coma_cli.settings import AllowPickle, Device, Dtype, Flag, Kind, Runtime, StageSettings, TrustRemoteCode, Unset
from coma_cli.training.settings import MACHINE, SettingsBlock
from coma_cli.workspace import runs_of

MERGE = "Merge"
_PROBES_AT_MOST = 8


class VerificationBlock(SettingsBlock):
    """How the merged model is compared with base and adapter."""

    probes: int = Field(default=4, ge=1, le=_PROBES_AT_MOST, description="Number of prompts to compare on")
    new_tokens: int = Field(default=32, ge=1, description="Greedy tokens per prompt")
    max_logit_difference: Annotated[float | None, Unset("0.01 for float32, 0.5 for float16, 5 for bfloat16")] = Field(
        default=None, gt=0, description="Fail if any logit differs by more"
    )


class MergeRuntime(Runtime):
    """How the merge runs on this machine."""

    device: Annotated[Device, Flag("--device", panel=MACHINE)] = "auto"
    trust_remote_code: Annotated[TrustRemoteCode, Flag("--trust-remote-code", panel=MACHINE)] = False
    allow_pickle: Annotated[AllowPickle, Flag("--allow-pickle", panel=MACHINE)] = False


class MergeSettings(StageSettings):
    """The settings of `coma merge-lora`."""

    EXTENT: ClassVar[frozenset[str]] = frozenset()

    adapter: Annotated[
        Path | None,
        Flag("--adapter", panel=MERGE, complete=runs_of("finetune")),
        Kind("RUN|DIR"),
        Unset("that of the latest finetune run"),
    ] = Field(default=None, description="Adapter to merge: a finetune run or an adapter's folder")
    base: Annotated[
        str | None,
        Flag("--base", "--model-name-or-path", panel=MERGE, complete=lambda _: BASES),
        Kind("NAME|DIR|ID"),
        Unset("the one that the adapter names"),
    ] = Field(default=None, description="Base model of the adapter, if the adapter does not name one")
    revision: Annotated[str | None, Flag("--revision", panel=MERGE), Kind("NAME"), Unset("the latest")] = Field(
        default=None, description="Commit, branch or tag of a base on the Hugging Face Hub"
    )
    dtype: Annotated[Dtype, Flag("--dtype", panel=MERGE)] = Field(
        default="auto",
        description="Dtype of the merged weights; auto is float32 below 1B parameters, else the base's own",
    )
    onto: Annotated[Literal["trained", "published"], Flag("--onto", panel=MERGE)] = Field(
        default="trained",
        description="After QLoRA: merge into the 4-bit base that was trained on, or into the published one",
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
