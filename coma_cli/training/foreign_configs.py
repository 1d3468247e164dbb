"""Configuration files of CoMA, CodeCapybara and peft, as coma's settings: which key is which setting, as data.

CoMA's (`QWen-7b-sft-lora.json`) is flat and has the names of transformers' TrainingArguments, CodeCapybara's
(`configs/config.yml`) is nested, and peft's (`lora_config_llama.json`, `adapter_config.json`) holds an adapter's
shape. Known keys become `--set` assignments, which come before those of the user; unknown ones are named.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from coma_cli.errors import MissingInputError, UsageError

MODEL_TYPES = {"fine-tuning": "full", "lora": "lora"}  # of CodeCapybara's --model-type, and coma's modes
_NO_CLIPPING = 0
_BASES = {"qwen-7b-hf": "qwen-7b-original", "wizardcoder-python-7b-v1.0": "wizardcoder-python-7b"}  # CoMA's folders
_SCHEDULES = {"constant": "constant", "constant_with_warmup": "constant", "linear": "linear", "cosine": "cosine"}
_OPTIMIZERS = {
    "adamw": "adamw", "adamw_torch": "adamw", "adamw_torch_fused": "adamw", "adamw_hf": "adamw",
    "paged_adamw_32bit": "paged_adamw_32bit", "paged_adamw": "paged_adamw_32bit",
    "paged_adamw_8bit": "paged_adamw_8bit",
    "adamw_8bit": "adamw_8bit", "adamw_bnb_8bit": "adamw_8bit",
}  # fmt: skip

_SAYS_NOTHING: tuple[Any, ...] = (None, False, "", [])  # values of unknown keys that ask for nothing

Value = Callable[[Any], Any]


@dataclass(frozen=True)
class ForeignKey:
    """A key of a foreign file: the setting that it gives, and how its value is read (None: that value gives none)."""

    setting: str
    value: Value = lambda given: given


@dataclass(frozen=True)
class ForeignForm:
    """A form of foreign files. `marks` are keys that only it has; `fixed` is what its programs do without a key."""

    title: str
    marks: frozenset[str]
    keys: Mapping[str, ForeignKey]
    ignored: frozenset[str] = frozenset()
    fixed: Mapping[str, Any] = field(default_factory=dict)


def _one_of(known: Mapping[str, str]) -> Value:
    def value(given: Any) -> str:
        if str(given).lower() not in known:
            raise ValueError(f"{given} is not one of {', '.join(known)}")
        return known[str(given).lower()]

    return value


def _if_true(value: str) -> Value:
    return lambda given: value if given else None


def _list(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list) else [given]


def _base(given: Any) -> str:
    """CoMA's own folders are the bases that they hold, unless they are here."""
    name = str(given)
    return name if Path(name).expanduser().is_dir() else _BASES.get(Path(name).name.lower(), name)


def _paths(given: Any) -> list[str] | None:
    """The files of CodeCapybara's data sets; one that is fetched by its programs has none."""
    found = [str(path) for entry in given for path in dict(entry).values() if path]
    return found or None


def _lora_init(given: Any) -> str | None:
    return None if given is True else str(given)


_KEY = ForeignKey
COMA = ForeignForm(
    "CoMA's",
    frozenset({"model_name_or_path", "per_device_train_batch_size", "num_train_epochs", "lora_rank", "train_file"}),
    {
        "model_name_or_path": _KEY("base", _base),
        "train_file": _KEY("data", _list),
        "validation_file": _KEY("validation.data"),
        "num_train_epochs": _KEY("epochs"),
        "max_steps": _KEY("max_steps", lambda given: given if given > 0 else None),
        "per_device_train_batch_size": _KEY("batch.size"),
        "gradient_accumulation_steps": _KEY("batch.accumulation"),
        "learning_rate": _KEY("optimizer.learning_rate"),
        "max_seq_length": _KEY("max_seq_len"),
        "model_max_length": _KEY("max_seq_len"),
        "save_steps": _KEY("runtime.save_steps"),
        "save_total_limit": _KEY("runtime.save_total_limit"),
        "eval_steps": _KEY("validation.every"),
        "lr_scheduler_type": _KEY("optimizer.schedule", _one_of(_SCHEDULES)),
        "warmup_steps": _KEY("optimizer.warmup_steps"),
        "warmup_ratio": _KEY("optimizer.warmup_ratio", lambda given: given or None),
        "lora_rank": _KEY("lora.r"),
        "lora_alpha": _KEY("lora.alpha"),
        "lora_dropout": _KEY("lora.dropout"),
        "gradient_checkpointing": _KEY("runtime.gradient_checkpointing"),
        "optim": _KEY("optimizer.name", _one_of(_OPTIMIZERS)),
        "seed": _KEY("seed"),
        "fp16": _KEY("dtype", _if_true("float16")),
        "bf16": _KEY("dtype", _if_true("bfloat16")),
        "torch_dtype": _KEY("dtype"),
        "weight_decay": _KEY("optimizer.weight_decay"),
        "max_grad_norm": _KEY("optimizer.max_grad_norm"),
        "use_int8_training": _KEY("mode", _if_true("int8-lora")),
    },
    frozenset(
        {"output_dir", "logging_steps", "disable_tqdm", "dataloader_num_workers", "save_strategy",
         "remove_unused_columns", "ddp_timeout", "cache_dir", "evaluation_strategy", "per_device_eval_batch_size"}
    ),
    {"template": "firefly", "mode": "qlora", "lora.target_modules": ["all-linear"], "rows.batching": "padding"},
)  # fmt: skip
CAPYBARA = ForeignForm(
    "CodeCapybara's",
    frozenset({"model.hf_model", "optimizer.params.lr", "scheduler.num_warmup_steps", "datasets"}),
    {
        "model.hf_model": _KEY("base"),
        "model.lora.r": _KEY("lora.r"),
        "model.lora.alpha": _KEY("lora.alpha"),
        "model.lora.dropout": _KEY("lora.dropout"),
        "model.lora.target_modules": _KEY("lora.target_modules", _list),
        "epochs": _KEY("epochs"),
        "scheduler.num_training_epochs": _KEY("epochs"),
        "scheduler.num_warmup_steps": _KEY("optimizer.warmup_steps"),
        "optimizer.name": _KEY("optimizer.name", _one_of(_OPTIMIZERS)),
        "optimizer.params.lr": _KEY("optimizer.learning_rate"),
        "optimizer.params.weight_decay": _KEY("optimizer.weight_decay"),
        "clip_gradient": _KEY("optimizer.max_grad_norm", lambda given: _NO_CLIPPING if given is None else given),
        "early_stopping.patience": _KEY("validation.patience"),
        "checkpoint.epochs": _KEY("runtime.saves_per_epoch", lambda given: 1 / given),
        "max_seq_length": _KEY("max_seq_len"),
        "datasets": _KEY("data", _paths),
    },
    frozenset({"checkpoint.dir", "checkpoint.old_checkpoint", "log.dir", "log.file"}),
    {
        "template": "capybara", "dtype": "float32", "optimizer.schedule": "linear", "optimizer.weight_decay": 0.01,
        "validation.data": "0.2", "validation.taken": "last", "validation.per_epoch": 1, "rows.batching": "padding",
    },
)  # fmt: skip
PEFT = ForeignForm(
    "peft's",
    frozenset({"lora_alpha", "target_modules", "lora_r", "peft_type"}),
    {
        "r": _KEY("lora.r"),
        "lora_r": _KEY("lora.r"),
        "lora_alpha": _KEY("lora.alpha"),
        "lora_dropout": _KEY("lora.dropout"),
        "target_modules": _KEY("lora.target_modules", _list),
        "lora_target_modules": _KEY("lora.target_modules", _list),
        "use_rslora": _KEY("lora.rslora"),
        "use_dora": _KEY("lora.dora"),
        "init_lora_weights": _KEY("lora.init", _lora_init),
    },
    frozenset({"peft_type", "task_type", "inference_mode", "bias", "fan_in_fan_out", "auto_mapping", "revision"}),
)


@dataclass(frozen=True)
class TranslatedFile:
    """What a foreign file says: settings by dotted name, and what to print; `assumed` ones have no key in it."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    assumed: frozenset[str] = frozenset()

    def assignments(self) -> tuple[str, ...]:
        """The settings as `--set` takes them."""
        return tuple(f"{name}={json.dumps(value)}" for name, value in self.settings.items())


def form_of_file(values: Mapping[str, Any]) -> ForeignForm | None:
    """The foreign form of a file's content; None for coma's own settings."""
    flat = dict(_flat(values))
    return next((form for form in (COMA, CAPYBARA) if len(form.marks & set(flat)) > 1), None)


def read_content(path: Path) -> dict[str, Any]:
    """The mapping in a JSON or YAML file.

    Raises:
        MissingInputError: there is no such file. UsageError: it does not hold a mapping.
    """
    if not path.is_file():
        raise MissingInputError(f"There is no configuration file {path}.", "Check the path.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        value = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{path} can't be read: {error}.", "Give a JSON or YAML file.") from None
    if not isinstance(value, dict):
        raise UsageError(f"{path} holds no keys and values.", "Give a JSON or YAML file of settings.")
    return value


def translated(path: Path, values: Mapping[str, Any], form: ForeignForm) -> TranslatedFile:
    """A foreign file as settings.

    Raises:
        UsageError: two keys contradict each other, or a value has no counterpart.
    """
    found: dict[str, Any] = {}
    by: dict[str, str] = {}
    unknown: list[str] = []
    for key, given in _flat(values):
        known = form.keys.get(key)
        if known is None:
            unknown += [key] if key not in form.ignored and given not in _SAYS_NOTHING else []
            continue
        try:
            value = known.value(given)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise UsageError(f"{path}: {key} can't be read: {error}.", f"--set {known.setting}=...") from None
        if value is None:
            continue
        if known.setting in found and found[known.setting] != value:
            raise UsageError(
                f"{path}: {by[known.setting]} and {key} contradict each other: both say {known.setting}.",
                "Keep one of them.",
            )
        found[known.setting], by[known.setting] = value, key
    notes = [f"Read {path} as {form.title} configuration: {', '.join(f'{n}={v}' for n, v in found.items())}."]
    fixed = {name: value for name, value in form.fixed.items() if name not in found}
    if fixed:
        notes.append(f"Its programs do, without a key: {', '.join(f'{n}={v}' for n, v in fixed.items())}.")
    if unknown:
        notes.append(f"Warning: keys of {path.name} that coma does not know, not used: {', '.join(unknown)}")
    return TranslatedFile({**fixed, **found}, tuple(notes), frozenset(fixed))


def with_lora_config(file: TranslatedFile, path: Path) -> TranslatedFile:
    """What a file says, and what a peft-style file says of the adapter's shape.

    Raises:
        MissingInputError, UsageError: it can't be read, or it contradicts the other file.
    """
    shape = translated(path, read_content(path), PEFT)
    for name, value in shape.settings.items():
        if name in file.settings and file.settings[name] != value and name not in file.assumed:
            raise UsageError(
                f"{path} says {name} {value}, and the configuration {file.settings[name]}.", "Keep one of them."
            )
    return TranslatedFile({**file.settings, **shape.settings}, (*file.notes, *shape.notes), file.assumed)


def of_model_type(file: TranslatedFile, model_type: str, mode: str | None = None) -> TranslatedFile:
    """What CodeCapybara's file says for its `--model-type`; all of the adapter falls away if all weights are trained.

    Raises:
        UsageError: there is no such type, or the user chose another `mode`.
    """
    if model_type not in MODEL_TYPES:
        raise UsageError(f"--model-type is {' or '.join(MODEL_TYPES)}, not {model_type}.", "--model-type lora")
    meant = MODEL_TYPES[model_type]
    if mode is not None and mode != meant:
        raise UsageError(f"--model-type {model_type} and --{mode} exclude each other.", f"Keep one of them: --{mode}")
    kept = {name: value for name, value in file.settings.items() if meant == "lora" or not name.startswith("lora.")}
    return TranslatedFile({**kept, "mode": meant}, file.notes, file.assumed)


def foreign_file(config: str | None) -> TranslatedFile | None:
    """What a file given as `--config` says, if it is a foreign one; coma's own reader says what is wrong with others.

    Raises:
        UsageError: it is a foreign one that contradicts itself.
    """
    path = Path(config or "").expanduser()
    if config is None or not path.is_file():
        return None
    try:
        values = read_content(path)
    except UsageError:
        return None
    form = form_of_file(values)
    return None if form is None else translated(path, values, form)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys with their dotted names, in order."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
