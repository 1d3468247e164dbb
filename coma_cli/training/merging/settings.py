"""The settings of merge-lora."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from coma_cli.catalog.bases import BASES
from coma_cli.models.resolution import Trust
from coma_cli.settings import AllowPickle, Device, Dtype, Flag, Kind, Runtime, StageSettings, TrustRemoteCode, Unset
from coma_cli.training.merging.probes import PROBES
from coma_cli.training.pushing.settings import ELSEWHERE, Public, PushModel
from coma_cli.training.runtime_settings import MACHINE
from coma_cli.training.settings import SettingsBlock
from coma_cli.workspace import runs_of

MERGE = "Merge"


class VerificationBlock(SettingsBlock):
    """How the merge is compared with base and adapter, and its limits."""

    probes: Annotated[int | None, Unset("4 in float32; in 16 bits all 16, which are more than 2,000 tokens")] = Field(
        default=None, ge=1, le=len(PROBES), description="Number of texts to compare on"
    )
    max_logit_difference: Annotated[float | None, Unset("0.0001 for float32")] = Field(
        default=None, gt=0, description="Fail if any logit differs by more"
    )
    max_kl_divergence: Annotated[
        float | None, Unset("in 16 bits: 0.001, or twice what rounding base and adapter to 16 bits does")
    ] = Field(default=None, gt=0, description="Fail if the mean KL divergence is larger")
    min_greedy_agreement: Annotated[float | None, Unset("0.99 in 16 bits")] = Field(
        default=None, ge=0, le=1, description="Fail if fewer positions than this share have the same most likely token"
    )


class MergeRuntime(Runtime):
    """How the merge runs on this machine."""

    device: Annotated[Device, Flag("--device", panel=MACHINE)] = "auto"
    trust_remote_code: Annotated[TrustRemoteCode, Flag("--trust-remote-code", panel=MACHINE)] = False
    allow_pickle: Annotated[AllowPickle, Flag("--allow-pickle", panel=MACHINE)] = False


class MergeSettings(StageSettings):
    """The settings of `coma merge-lora`."""

    EXTENT: ClassVar[frozenset[str]] = frozenset({"gguf"})

    adapter: Annotated[
        Path | None,
        Flag("--adapter", panel=MERGE, complete=runs_of("finetune")),
        Kind("RUN|DIR"),
        Unset("that of the latest finetune run"),
    ] = Field(default=None, description="Adapter to merge: a finetune run, a checkpoint of one, or an adapter's folder")
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
    onto: Annotated[Literal["trained", "published", "nf4"], Flag("--onto", panel=MERGE)] = Field(
        default="trained",
        description="Base to merge into: as it was trained on (in 4 bits after --qlora, in 8 after --int8-lora), as "
        "published, or in 4 bits (nf4) for an adapter that does not say that it was trained with QLoRA",
    )
    gguf: Annotated[Literal["f16", "q8_0"] | None, Flag("--gguf", panel=MERGE), Unset("no GGUF file")] = Field(
        default=None, description="Write the merged model as a GGUF file too (llama, qwen2 and qwen3)"
    )
    push_to_hub: PushModel = None
    public: Public = False
    verification: VerificationBlock = VerificationBlock()
    runtime: MergeRuntime = MergeRuntime()

    def identity(self) -> dict[str, Any]:
        """All that decides the weights; adapter and base count by their content, which is among the run's inputs."""
        identity = super().identity()
        for name in ("adapter", "base", "revision", *ELSEWHERE):
            identity.pop(name)
        return identity

    @property
    def trust(self) -> Trust:
        """Which code of the base's repository may be executed."""
        return Trust(remote_code=self.runtime.trust_remote_code, pickled=self.runtime.allow_pickle)
