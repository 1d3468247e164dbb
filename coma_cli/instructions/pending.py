"""Requests for rows that upstream lacks (see `PendingRequest`): finds them and chooses those to answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coma_cli.errors import MissingInputError
from coma_cli.formats.files import one_file
from coma_cli.formats.row_files import whole_rows
from coma_cli.records import PendingRequest
from coma_cli.workspace import Input, Workspace

PENDING = "pending.jsonl"


@dataclass(frozen=True)
class Requests:
    """The requests to answer in order, how many there are to choose from, and the file as an input."""

    chosen: tuple[PendingRequest, ...]
    there: int
    too_long: int
    input: Input


_WHAT_REQUESTS = "coma build-data --lang en,cn --size N requests the Chinese rows that its sources lack."


def find_requests(place: str, workspace: Workspace) -> tuple[Path, Input]:
    """The file of requests that `place` names: itself, in the run folder, or in the build-data run of that name.

    Raises:
        MissingInputError: there is none.
    """
    path = Path(place)
    named = next((run for run in workspace.finished("build-data") if run.name == place), None)
    if named is not None and not path.exists():
        return named.file(PENDING), Input.of_path("pending", named.file(PENDING))
    if not path.exists():
        names = ", ".join(run.name for run in workspace.finished("build-data")) or "none"
        raise MissingInputError(
            f"There is no {place}, and no finished build-data run of that name (finished: {names}).", "Check --pending."
        )
    artifact = workspace.artifact_at(path) if path.is_dir() else None
    file = artifact.file(PENDING) if artifact is not None else path / PENDING if path.is_dir() else path
    if not file.is_file():
        raise MissingInputError(f"{place} holds no {PENDING}.", "--pending takes a run of build-data, or its file.")
    return file, Input.of_path("pending", file)


def requests_in(path: Path) -> list[PendingRequest]:
    """All requests of a file.

    Raises:
        MissingInputError: a line of it is not a request.
    """
    return [PendingRequest.from_row(row, str(path), PENDING) for _, row in whole_rows(one_file(path))]


def choose_requests(
    place: str, workspace: Workspace, *, num: int, max_chars: int, languages: Sequence[str] | None
) -> Requests:
    """The first `num` requests by id, so that a larger `num` later keeps those chosen before.

    Raises:
        MissingInputError: there is no such file, a line of it is not a request, or none of them can be answered.
    """
    path, origin = find_requests(place, workspace)
    requests = requests_in(path)
    wanted = [request for request in requests if languages is None or request.language in languages]
    short = [r for r in wanted if len(r.english) + len(r.input) + len(r.output) <= max_chars]
    if not requests:
        raise MissingInputError(f"{path} is empty: nothing was requested.", _WHAT_REQUESTS)
    if not short:
        why = f" ({len(wanted)} are longer than max_code_chars)" if wanted else ""
        raise MissingInputError(f"{path} has no request that can be answered{why}.", "Check --pending.")
    chosen = sorted(short, key=lambda request: request.id)[:num]
    return Requests(tuple(chosen), len(short), len(wanted) - len(short), origin)
