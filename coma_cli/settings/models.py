"""What the settings of all commands share.

A settings model says three things about its fields. The `runtime` block (workers, device, log cadence) changes how
the work is done, never a row. The *extent* fields say only how much of it is done: raising one continues the same
run. Everything else is the identity of the run and goes into its fingerprint.
"""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from coma_cli.flags import SHARED, Flag, Kind, Unset

MOST_SEED = 2**32 - 1  # numpy's, which transformers seeds as well
SETTINGS_CONFIG = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

# Fields of several settings or runtime blocks; each block adds the flag that its command has.
Workers = Annotated[int | None, Field(ge=1, description="Worker processes"), Unset("one per available core")]
Device = Annotated[
    str,
    Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="Device to run on"),
    Kind("auto|cpu|cuda|cuda:N"),
]
Dtype = Annotated[
    Literal["auto", "float32", "bfloat16", "float16", "fp32", "bf16", "fp16"], Kind("auto|float32|bfloat16|float16")
]
TrustRemoteCode = Annotated[bool, Field(description="Run Python code from the model's own repository")]
AllowPickle = Annotated[bool, Field(description="Load weights that are Python pickles, which can run code")]
_HUB_NAME = re.compile(r"\b[\w.-]{1,96}\b/\b[\w.-]{1,96}\b", re.ASCII)


def _hub_name(value: str | None) -> str | None:
    """The name of a repository, by the rules that the Hub has for one (huggingface_hub, `validate_repo_id`)."""
    if value is None:
        return None
    if not _HUB_NAME.fullmatch(value) or "--" in value or ".." in value or value.endswith(".git"):
        raise ValueError("give OWNER/NAME, as on the Hugging Face Hub")
    return value


PushToHub = Annotated[str | None, AfterValidator(_hub_name), Kind("OWNER/NAME"), Unset("nothing leaves this machine")]


class Runtime(BaseModel):
    """How the work is done on this machine; never part of what it is. Each command's subclass holds what it uses."""

    model_config = SETTINGS_CONFIG


class StageSettings(BaseModel):
    """What every command's settings share; subclasses add fields, and name their extent fields in `EXTENT`.

    `ALTERNATIVES` are keys of which one at most is given: an option replaces the others of a settings file.
    """

    model_config = SETTINGS_CONFIG

    EXTENT: ClassVar[frozenset[str]] = frozenset()
    ALTERNATIVES: ClassVar[tuple[frozenset[str], ...]] = ()

    seed: Annotated[int, Flag("--seed", panel=SHARED)] = Field(
        default=0, ge=0, le=MOST_SEED, description="Seed of the run, from which each row's own seed is derived"
    )
    runtime: Runtime = Runtime()

    def extent(self) -> dict[str, Any]:
        """The settings that say how much is done."""
        return self.model_dump(mode="json", include=set(self.EXTENT))

    def identity(self) -> dict[str, Any]:
        """The settings that change what a row is: all but the runtime block and the extent."""
        return self.model_dump(mode="json", exclude={"runtime", *self.EXTENT})
