"""The training rows in the formats of others: CoMIT's own, and those of common trainers."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

from coma_cli.catalog.mixtures.mixture import Mixture
from coma_cli.catalog.tasks import TASKS
from coma_cli.errors import MissingPackageError, missing_package
from coma_cli.jsonl import encode_row, write_atomically, write_json
from coma_cli.prompting import ALPACA, prompt_text
from coma_cli.records import Example

Export = Literal["alpaca", "sharegpt", "messages", "prompt-completion", "prompt-completion-chat", "parquet"]
RowForm = Callable[[Example], Mapping[str, Any]]
EXPORTS = "exports"
OTHER = "other"  # the folder of rows that belong to no sub-dataset
VALIDATION_FOLDER = "validation"  # of the validation rows of each file of training rows
_PARQUET_ROWS = 10_000
_TEMPORARY = ".{}.tmp"


class ArrayFile:
    """A file with one JSON array of encoded objects, one per line; in place, whole, once it is closed."""

    def __init__(self, path: Path, temporary: Path, handle: IO[bytes]) -> None:
        """`handle` writes to `temporary`, which `close` moves to `path`; see `create`."""
        self._path = path
        self._temporary = temporary
        self._handle = handle
        self._rows = 0

    @classmethod
    def create(cls, path: Path) -> Self:
        """Begin the array under a temporary name."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(_TEMPORARY.format(path.name))
        return cls(path, temporary, temporary.open("wb"))

    def add(self, encoded: bytes) -> None:
        """Add one object."""
        self._handle.write((b",\n" if self._rows else b"[\n") + encoded)
        self._rows += 1

    def close(self) -> None:
        """End the array and move the file into place."""
        self._handle.write(b"\n]\n" if self._rows else b"[]\n")
        self._handle.close()
        self._temporary.replace(self._path)

    def discard(self) -> None:
        """Remove what was written."""
        self._handle.close()
        self._temporary.unlink(missing_ok=True)


class ArrayFiles:
    """Several arrays by their names below a folder, each created with its first object; a context manager.

    Arrays named in `names` are written even if they stay empty.
    """

    def __init__(self, folder: Path, names: Iterable[str] = ()) -> None:
        self._folder = folder
        self._always = tuple(names)
        self._files: dict[str, ArrayFile] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all arrays so far."""
        return tuple(self._files)

    def add(self, name: str, encoded: bytes) -> None:
        """Add one object to the array of that name."""
        self._file(name).add(encoded)

    def _file(self, name: str) -> ArrayFile:
        if name not in self._files:
            self._files[name] = ArrayFile.create(self._folder / name)
        return self._files[name]

    def __enter__(self) -> Self:
        for name in self._always:
            self._file(name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            if error is None:
                file.close()
            else:
                file.discard()


def file_of(mixture: Mixture, subset: int, task: str, text_language: str) -> str:
    """The file of a row of that sub-dataset; `other/...` for rows that belong to none (-1)."""
    if subset >= 0:
        return mixture.subsets[subset].file
    group = f"{TASKS[task].group}/" if task in TASKS else ""
    return f"{OTHER}/{group}{task.replace('-', '_')}_{text_language.upper()}.json"


def validation_file(training_file: str) -> str:
    """The file of the validation rows that belong with the training rows of a file."""
    return f"{VALIDATION_FOLDER}/{training_file}"


def blocker(exports: Iterable[Export]) -> MissingPackageError | None:
    """Why these exports can't be written here, None if they can."""
    from importlib import util

    lacking = "parquet" in exports and util.find_spec("pyarrow") is None
    return missing_package("pyarrow", "--export parquet") if lacking else None


def write_export(export: Export, folder: Path, side: str, rows: Iterator[Example]) -> str:
    """Write one side in one format; the name of the file below `folder`."""
    suffix, write = _WRITERS[export]
    name = _name_of(export, side, suffix)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    write(folder / name, rows)
    return name


def _name_of(export: Export, side: str, suffix: str) -> str:
    return f"{EXPORTS}/{export}/{side}.{suffix}"


def write_llama_factory_info(exports: Iterable[Export], folder: Path, sides: Collection[str]) -> str | None:
    """Describe the exports that LLaMA-Factory reads, in the file that it looks them up in; its name below `folder`.

    None if there are no such exports. Only `sides` are listed, those that have rows: an empty file can't be loaded.
    """
    entries = {
        f"coma_{export}" + ("" if side == "train" else f"_{side}"): {
            "file_name": f"{export}/{side}.{_WRITERS[export][0]}",
            **LLAMA_FACTORY[export],
        }
        for export in exports
        if export in LLAMA_FACTORY
        for side in sides
    }
    if not entries:
        return None
    write_json(folder / LLAMA_FACTORY_INFO, entries)
    return LLAMA_FACTORY_INFO


def alpaca(row: Example) -> Mapping[str, Any]:
    """Instruction, input and output, as Stanford Alpaca and CoMIT have them."""
    return {"instruction": row.instruction, "input": row.input, "output": row.output}


def sharegpt(row: Example) -> Mapping[str, Any]:
    """A conversation of two turns, as ShareGPT dumps and FastChat have them."""
    turns = [{"from": "human", "value": question(row)}, {"from": "gpt", "value": row.output}]
    return {"id": row.id, "conversations": turns}


def messages(row: Example) -> Mapping[str, Any]:
    """A conversation of two turns, as chat-completion interfaces and TRL have them."""
    return {"messages": [{"role": "user", "content": question(row)}, {"role": "assistant", "content": row.output}]}


def prompt_completion(row: Example) -> Mapping[str, Any]:
    """Two texts that a base model sees as one, as TRL has them: Alpaca's prompt, and the answer that continues it."""
    return {"prompt": prompt_text(ALPACA, row.instruction, row.input), "completion": row.output}


def prompt_completion_chat(row: Example) -> Mapping[str, Any]:
    """A turn of the user and one of the assistant in columns of their own, as TRL has them for chat models."""
    user, assistant = messages(row)["messages"]
    return {"prompt": [user], "completion": [assistant]}


def question(row: Example) -> str:
    """Instruction and input as one text; the same that chat templates get in finetune and sample."""
    return f"{row.instruction}\n\n{row.input}" if row.input else row.instruction


def _write_array(form: RowForm) -> Callable[[Path, Iterator[Example]], None]:
    def write(path: Path, rows: Iterator[Example]) -> None:
        with ArrayFiles(path.parent, [path.name]) as files:
            for row in rows:
                files.add(path.name, encode_row(form(row)).rstrip(b"\n"))

    return write


def _write_lines(form: RowForm) -> Callable[[Path, Iterator[Example]], None]:
    def write(path: Path, rows: Iterator[Example]) -> None:
        write_atomically(path, (encode_row(form(row)) for row in rows))

    return write


def _write_parquet(path: Path, rows: Iterator[Example]) -> None:
    """All columns of a row; its origin as JSON text, so that the columns are flat."""
    import pyarrow as pa
    import pyarrow.parquet

    schema = pa.schema(
        [
            (name, pa.string())
            for name, field in Example.model_fields.items()
            if name != "schema_version" and not field.exclude
        ]
    )
    temporary = path.with_name(_TEMPORARY.format(path.name))
    with pyarrow.parquet.ParquetWriter(temporary, schema, compression="zstd") as writer:
        batch: list[dict[str, Any]] = []
        for row in rows:
            flat = row.to_row()
            del flat["schema_version"]
            batch.append({**dict.fromkeys(schema.names, ""), **flat, "origin": json.dumps(flat["origin"])})
            if len(batch) == _PARQUET_ROWS:
                writer.write_table(pa.Table.from_pylist(batch, schema))
                batch.clear()
        if batch:
            writer.write_table(pa.Table.from_pylist(batch, schema))
    temporary.replace(path)


_WRITERS: Mapping[Export, tuple[str, Callable[[Path, Iterator[Example]], None]]] = {
    "alpaca": ("json", _write_array(alpaca)),
    "sharegpt": ("json", _write_array(sharegpt)),
    "messages": ("jsonl", _write_lines(messages)),
    "prompt-completion": ("jsonl", _write_lines(prompt_completion)),
    "prompt-completion-chat": ("jsonl", _write_lines(prompt_completion_chat)),
    "parquet": ("parquet", _write_parquet),
}
# None: a form that has all columns, and says in its files what they are.
ROW_FORMS: Mapping[Export, RowForm | None] = {
    "alpaca": alpaca,
    "sharegpt": sharegpt,
    "messages": messages,
    "prompt-completion": prompt_completion,
    "prompt-completion-chat": prompt_completion_chat,
    "parquet": None,
}
# What LLaMA-Factory has to know of each form that it reads (hiyouga/LLaMA-Factory, data/README.md).
LLAMA_FACTORY_INFO = f"{EXPORTS}/dataset_info.json"
LLAMA_FACTORY: Mapping[Export, Mapping[str, Any]] = {
    "alpaca": {
        "formatting": "alpaca",
        "columns": {"prompt": "instruction", "query": "input", "response": "output"},
    },
    "sharegpt": {
        "formatting": "sharegpt",
        "columns": {"messages": "conversations"},
        "tags": {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"},
    },
    "messages": {
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
    },
}
