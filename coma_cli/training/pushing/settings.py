"""The settings of --push-to-hub for adapters and models; none of them changes what is made."""

from typing import Annotated

from pydantic import Field

from coma_cli.settings import Flag, PushToHub

OUTPUT = "Output"
ELSEWHERE = frozenset({"push_to_hub", "public"})  # where a finished run goes

PushModel = Annotated[
    PushToHub,
    Flag("--push-to-hub", panel=OUTPUT),
    Field(
        description="Push the adapter or model with a card and its scores to this model of the Hugging Face Hub, "
        "which is private unless --public is given"
    ),
]
Public = Annotated[
    bool,
    Flag("--public", panel=OUTPUT),
    Field(description="With --push-to-hub: create the model as a public one, or push to one that is public"),
]
