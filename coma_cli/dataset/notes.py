"""What build-data says before it starts: where its sources are, and what to know before trusting the rows."""

from collections.abc import Sequence

from coma_cli.catalog.benchmarks import LoadedBenchmark
from coma_cli.dataset.against import overlap_warnings
from coma_cli.dataset.locating import FoundFiles, Located, unread_folders
from coma_cli.dataset.obtaining import offer_in_words
from coma_cli.dataset.settings import BuildDataSettings
from coma_cli.words import count_of


def notes_of(settings: BuildDataSettings, found: FoundFiles) -> tuple[str, ...]:
    """Where each source is read or would be fetched from, and what is not read."""
    notes = [
        f"{entry.source.name}: {count_of(entry.files, 'file')} {_place_in_words(entry)}" for entry in found.located
    ]
    notes += [f"{name}: {offer_in_words(offered)}" for name, offered in found.to_fetch.items()]
    notes += [f"{name}: not fetched: {reason}" for name, reason in found.left_out.items()]
    notes += [f"{name}: {error.message}" for name, error in found.unfetched.items() if name not in found.to_fetch]
    notes += [f"{name}: no file found ({place})" for name, place in found.missing.items()]
    if settings.push_to_hub is not None:
        data_set = f"{'private ' if settings.private else ''}data set {settings.push_to_hub}"
        notes.append(f"Rows, card and exports go to the {data_set} of the Hugging Face Hub")
    unread = unread_folders(settings)
    if unread:
        notes.append(f"Not read, unknown to this version: {', '.join(unread)}")
    return tuple(notes)


def _place_in_words(entry: Located) -> str:
    return f"of {entry.comes_from}" if entry.comes_from else f"in {entry.place}"


def warnings_of(
    settings: BuildDataSettings, found: FoundFiles, benchmarks: Sequence[LoadedBenchmark], absent: Sequence[str]
) -> tuple[str, ...]:
    """What the user should know before trusting the rows; holds no paths of this machine."""
    warnings = [f"The source {name} is broken and was skipped." for name in found.broken]
    if found.unfetched:
        warnings.append(f"Not fetched, so the data has no rows of them: {', '.join(found.unfetched)}.")
    warnings += [f"The data has no rows of the source {name}: it {why}." for name, why in found.other_splits.items()]
    if not settings.decontaminate:
        warnings.append("Decontamination was switched off: rows may hold benchmark problems and their solutions.")
    elif absent:
        names = ", ".join(absent)
        warnings.append(f"Not checked against {names}: their problems are not available (--bench-data FILE adds them).")
    if settings.decontaminate:
        there = {entry.source.name for entry in found.located}
        warnings += overlap_warnings(there, {benchmark.name for benchmark in benchmarks})
    return tuple(warnings)
