"""What a worker and the process that leads it say to each other.

    from the leading process: Start, Work, ProbabilityQuestion, None
    from the worker: Loaded, WorkWanted, RowAnswered, Probability, Remark, Failed

A worker asks for work (`WorkWanted`) when it has none, and for more as soon as it begins what it has; an empty answer
to that means that there is none now. `None` ends it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from coma_cli.engines.interface import Engine, GenerationRequest, GenerationResponse
from coma_cli.errors import CliError

# Opens the engine on a device; remarks are one line for a person each. It travels to other processes, and so do its
# arguments.
OpenEngine = Callable[[str, Callable[[str], None]], Engine]


@dataclass(frozen=True)
class Start:
    """The first message to a worker: what to load, and onto what."""

    open_engine: OpenEngine
    device: str


@dataclass(frozen=True)
class Work:
    """Requests to answer; none: there are none now."""

    requests: tuple[GenerationRequest, ...]


@dataclass(frozen=True)
class ProbabilityQuestion:
    """How likely is a continuation of a prompt?"""

    prompt_ids: tuple[int, ...]
    continuation_ids: tuple[int, ...]


@dataclass(frozen=True)
class Loaded:
    """The model is loaded; how its rows are computed."""

    path: str


@dataclass(frozen=True)
class WorkWanted:
    """The worker could use more requests; an idle one has nothing else to do."""

    idle: bool


@dataclass(frozen=True)
class RowAnswered:
    """A response."""

    response: GenerationResponse


@dataclass(frozen=True)
class Probability:
    """The answer to a question."""

    value: float


@dataclass(frozen=True)
class Remark:
    """One line for a person."""

    text: str


@dataclass(frozen=True)
class Failed:
    """The worker can't go on: for a reason that the user can act on, or because of a bug with this traceback."""

    error: CliError | None
    traceback: str
