"""The settings of proof: the limits of programs, and which isolation they run in."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from coma_cli.settings import Flag

PROOF = "Proof"


class ProofSettings(BaseModel):
    """How programs are run to prove them. Limits are per program."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu_s: float = Field(default=3.0, ge=0.05, le=3600, description="CPU time limit per program (s)")
    memory_mb: int = Field(default=1024, ge=64, le=65_536, description="Memory limit per program (MB)")
    compile_s: float = Field(
        default=60.0, ge=1, le=3600, description="CPU time limit of a compiler per program (s), for other languages"
    )
    isolation: Annotated[Literal["auto", "ns", "landlock"], Flag("--isolation", panel=PROOF)] = Field(
        default="auto",
        description="Isolation level of the programs; auto takes the strongest that this machine supports",
    )
    other_languages: bool = Field(
        default=True, description="Run programs of other languages than Python too, where their toolchain is installed"
    )
