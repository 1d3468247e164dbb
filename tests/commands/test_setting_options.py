"""Every command's options: what is typed comes out as settings, and no option differs from its setting."""

from pathlib import Path

import pytest

from coma_cli.cli import command_tree
from coma_cli.commands.setting_options import help_of, is_switch, metavar_of, parameter_name, values_given
from coma_cli.errors import UsageError
from coma_cli.pipeline import PIPELINE
from coma_cli.settings import SettingKey, load_settings, setting_keys
from coma_cli.stage import settings_of

COMMANDS = [row.command for row in PIPELINE]
# A default that depends on another setting: a model of this machine is not one of a server.
FOLLOWS = {("gen-instructions", "engine"): ("model",)}
OPTIONS = [
    pytest.param(command, key, flag, id=f"{command} {flag.long_name}")
    for command in COMMANDS
    for key in setting_keys(settings_of(command))
    for flag in key.flags
]


def parsed(command: str, *arguments: str):
    return command_tree().commands[command].make_context(command, list(arguments)).params


def options_of(command: str):
    known = command_tree().commands[command]
    return known.get_params(known.make_context(command, []))


def settings_from(command: str, *arguments: str):
    model = settings_of(command)
    return load_settings(model, flags=values_given(setting_keys(model), parsed(command, *arguments)))


def value_of(settings, dotted: str):
    for name in dotted.split("."):
        settings = getattr(settings, name)
    return settings


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("build-data --tasks code-search,cloze-test --lang en,cn", {"tasks": ("code-search", "cloze-test")}),
        ("build-data --lang en,cn,en", {"lang": ("en", "cn")}),
        ("build-data --sources hub --source mbpp=a.jsonl --source codepro=b=c", {"sources": "hub"}),
        ("build-data --source mbpp=a.jsonl --source codepro=b=c", {"source": {"mbpp": "a.jsonl", "codepro": "b=c"}}),
        ("build-data --source-splits train,test", {"source_splits": ("test", "train")}),
        ("build-data --from-repo a,b --from-repo stdlib", {"from_repo": ("a,b", "stdlib")}),
        ("build-data --stackexchange Posts.xml", {"stackexchange": "Posts.xml"}),
        ("build-data --with-generated a --with-generated b", {"with_generated": ("a", "b")}),
        ("build-data --mix codecapybara --size paper", {"mix": "codecapybara", "size": "paper"}),
        ("build-data --size 1000 --per-task 5", {"size": 1000, "per_task": 5}),
        ("build-data --export alpaca,parquet --export alpaca", {"export": ("alpaca", "parquet")}),
        ("build-data --push-to-hub ada/my.rows-1 --private", {"push_to_hub": "ada/my.rows-1", "private": True}),
        ("build-data --decontaminate off", {"decontaminate": False}),
        ("build-data --decontaminate on", {"decontaminate": True}),
        ("build-data --decontaminate-against x --bench-data y", {"decontaminate_against": ("x",), "bench_data": "y"}),
        ("build-data --licences permissive", {"cleaning.licences": "permissive", "cleaning.max_words": 1200}),
        ("build-data --dedup-against x --validation-share 0.1", {"dedup_against": ("x",), "validation_share": 0.1}),
        ("build-data --skip-broken-sources --workers 3", {"skip_broken_sources": True, "runtime.workers": 3}),
        ("build-data --cluster ray --seed 7", {"runtime.cluster": "ray", "seed": 7}),
        ("gen-instructions --model m --num 5 --max-usd 0.5", {"model": "m", "num": 5, "max_usd": 0.5}),
        ("gen-instructions --seed-code d --num-kept 3", {"seed_code": Path("d"), "num_kept": 3}),
        ("gen-instructions --pending r --reparse", {"pending": "r", "reparse": True}),
        (
            "gen-instructions --from-repo d --functions-per-request 3",
            {"from_repo": Path("d"), "functions_per_request": 3},
        ),
        ("gen-instructions --num-per-language 4 --engine-arg a=1", {"num_per_language": 4, "engine_args": {"a": 1}}),
        ("gen-instructions --engine vllm --device cpu --dtype bf16", {"runtime.device": "cpu", "dtype": "bf16"}),
        ("gen-instructions --batch-size 2 --allow-pickle", {"runtime.batch_size": 2, "runtime.allow_pickle": True}),
        ("gen-instructions --trust-remote-code", {"runtime.trust_remote_code": True}),
        ("gen-instructions --engine openai --base-url u", {"engine": "openai", "runtime.base_url": "u"}),
        ("gen-instructions --lang cn", {"text_language": "cn"}),
        ("finetune --base b --revision r --template alpaca", {"base": "b", "revision": "r", "template": "alpaca"}),
        ("finetune --model-name-or-path b", {"base": "b"}),
        ("finetune --data a,b --data c", {"data": [Path("a,b"), Path("c")]}),
        ("finetune", {"mode": "lora", "data": None, "epochs": None, "lora.r": 32}),
        ("finetune --lora", {"mode": "lora"}),
        ("finetune --qlora", {"mode": "qlora"}),
        ("finetune --full", {"mode": "full"}),
        ("finetune --epochs 2.5", {"epochs": 2.5}),
        ("finetune --num-train-epochs 3", {"epochs": 3.0}),
        ("finetune --max-steps 9 --batch-size 2", {"max_steps": 9, "batch.size": 2}),
        ("finetune --per-device-train-batch-size 6", {"batch.size": 6}),
        ("finetune --gradient-accumulation-steps 8", {"batch.accumulation": 8}),
        ("finetune --learning-rate 1e-4", {"optimizer.learning_rate": 1e-4}),
        ("finetune --max-seq-len 64", {"max_seq_len": 64}),
        ("finetune --max-seq-length 65", {"max_seq_len": 65}),
        ("finetune --lora-r 8 --lora-alpha 9.5 --lora-dropout 0", {"lora.r": 8, "lora.alpha": 9.5, "lora.dropout": 0}),
        ("finetune --dtype bf16 --device cuda:1", {"dtype": "bf16", "runtime.device": "cuda:1"}),
        ("finetune --trust-remote-code", {"runtime.trust_remote_code": True, "runtime.allow_pickle": False}),
        ("finetune --allow-pickle", {"runtime.trust_remote_code": False, "runtime.allow_pickle": True}),
        ("merge-lora --adapter a --base b --revision r", {"adapter": Path("a"), "base": "b", "revision": "r"}),
        ("merge-lora --dtype fp16 --onto published", {"dtype": "fp16", "onto": "published"}),
        ("merge-lora --device cpu --allow-pickle", {"runtime.device": "cpu", "runtime.allow_pickle": True}),
        ("merge-lora --model-name-or-path b --trust-remote-code", {"base": "b", "runtime.trust_remote_code": True}),
        ("sample --bench mbpp --bench-data f -n 200", {"bench": "mbpp", "bench_data": Path("f"), "n": 200}),
        ("sample --n-samples 3 --limit 2", {"n": 3, "limit": 2}),
        ("sample --task-ids HumanEval/3,4", {"task_ids": ("HumanEval/3", "4")}),
        ("sample --model m", {"model": "m"}),
        ("sample --model-name-or-path m", {"model": "m"}),
        ("sample --temperature 0.2,0.8", {"temperature": (0.2, 0.8)}),
        ("sample --temperature 0", {"temperature": (0.0,)}),
        ("sample --top-p 0.9 --top-k 40 --max-new-tokens 64", {"top_p": 0.9, "top_k": 40, "max_new_tokens": 64}),
        ("sample --template t.jinja --allow-template-mismatch", {"allow_template_mismatch": True}),
        ("sample --engine openai --base-url u", {"engine": "openai", "runtime.base_url": "u"}),
        ("sample --batch-size 4 --device cpu", {"runtime.batch_size": 4, "runtime.device": "cpu"}),
        ("sample --dtype float32 --revision v1", {"dtype": "float32", "revision": "v1"}),
        ("sample --trust-remote-code --allow-pickle", {"runtime.trust_remote_code": True}),
        ("score --bench mbpp -k 1,10,100,10", {"bench": "mbpp", "k": (1, 10, 100)}),
        ("score --k 1", {"k": (1,)}),
        ("score --samples a,b --samples c", {"samples": ("a,b", "c")}),
        ("score --bench-data f --protocol default,as-is", {"protocol": ("default", "as-is")}),
        (
            "score --fail-under pass@1=0.3 --fail-under pass@10=50%",
            {"runtime.fail_under": ("pass@1=0.3", "pass@10=50%")},
        ),
        ("score --explain --plot --check-references", {"explain": True, "plot": True, "check_references": True}),
        ("score --timeout 2.5 --memory 512 --allow-fork", {"timeout_s": 2.5, "memory_mb": 512, "allow_fork": True}),
        ("score --workers 2 --cluster ray", {"runtime.workers": 2, "runtime.cluster": "ray"}),
        ("score --isolation none --allow-unsafe", {"isolation": "none", "runtime.i_know": True}),
        ("score --isolation none --i-know", {"isolation": "none", "runtime.i_know": True}),
        ("score --i-know --allow-unsafe", {"runtime.i_know": True}),
        ("score --mode inproc --python p --no-share", {"mode": "inproc", "python": "p", "share": False}),
        ("score", {"k": (), "share": True, "explain": False, "runtime.i_know": False}),
    ],
)
def test_what_is_typed_becomes_settings(line, expected):
    settings = settings_from(*line.split())
    assert {name: value_of(settings, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("build-data --source mbpp", "--source takes NAME=PATH, not 'mbpp'"),
        ("build-data --source =x", "--source takes NAME=PATH, not '=x'"),
        ("build-data --tasks ,", "--tasks is an empty list"),
        ("build-data --size 0", "size (--size): size must be paper or a positive number"),
        ("build-data --size small", "size"),
        ("build-data --decontaminate maybe", "decontaminate (--decontaminate): Input should be a valid boolean"),
        ("build-data --licences free", "cleaning.licences (--licences): Input should be 'permissive'"),
        ("build-data --per-task 0", "per_task (--per-task): Input should be greater than or equal to 1"),
        ("gen-instructions --lang de", "text_language (--lang): Input should be 'en' or 'cn'"),
        ("gen-instructions --max-usd 0", "max_usd (--max-usd): Input should be greater than 0"),
        ("finetune --lora --qlora", "--lora and --qlora exclude each other."),
        ("finetune --lora --qlora --full", "--lora and --qlora and --full exclude each other."),
        ("finetune --epochs 1 --max-steps 1", "epochs and max_steps exclude each other"),
        ("finetune --device gpu", "runtime.device (--device): String should match"),
        ("merge-lora --onto both", "onto (--onto): Input should be 'trained', 'published' or 'nf4'"),
        ("sample --temperature ,", "--temperature is an empty list"),
        ("sample --temperature 0.2,hot", "temperature.1 (--temperature): Input should be a valid number"),
        ("sample -n 0", "n (-n): Input should be greater than or equal to 1"),
        ("score -k 1,x", "k.1 (-k): Input should be a valid integer"),
        ("score --fail-under 0.3", "runtime.fail_under.0 (--fail-under): must be written as pass@1=0.3 or pass@1=30%"),
        ("score --protocol best", "unknown protocol 'best'"),
        ("score --memory 3", "memory_mb (--memory): Input should be greater than or equal to 32"),
    ],
)
def test_what_makes_no_sense_is_named(line, message):
    with pytest.raises(UsageError) as caught:
        settings_from(*line.split())
    assert message in caught.value.message


@pytest.mark.parametrize("command", COMMANDS)
def test_without_options_every_setting_has_its_default(command):
    assert settings_from(command) == settings_of(command)()


def given_to(key: SettingKey, flag) -> tuple[list[str], object]:
    """Some argument for an option, and what the setting is then to be."""
    if is_switch(key, flag):
        return [], True if flag.sets is None else flag.sets
    if key.value_type is bool:
        return ["off"], False
    words = {
        "cleaning.licences": "permissive",
        "source": "a=b",
        "chat_template_kwargs": "a=b",
        "rows.columns": "instruction=a",
        "engine_args": "a=b",
        "lora.init": "gaussian",
        "num_beams": "7",
        "functions_per_request": "7",
        "repair": "7",
        "tries": "7",
        "runtime.fail_under": "pass@1=0.5",
        "size": "7",
        "push_to_hub": "ada/rows",
    }
    first = metavar_of(key, flag).partition("|")[0]
    text = words.get(key.name) or {
        "INT": "77",
        "FLOAT": "0.5",
        "T,...": "0.5",
        "K,...": "77",
        "N": "77",
        "USD": "0.5",
    }.get(first)
    if text is None:
        known = [name for name in (flag.complete or (lambda _: []))(Path("w")) if name != key.default_text]
        text = known[-1] if known else first if first.islower() else "word"
    return [text], None


@pytest.mark.parametrize(("command", "key", "flag"), OPTIONS)
def test_an_option_sets_its_own_key_and_nothing_else(command, key, flag):
    for name in flag.names:
        arguments, expected = given_to(key, flag)
        values = values_given(setting_keys(settings_of(command)), parsed(command, name, *arguments))
        assert list(values) == [key.name]
        settings = load_settings(settings_of(command), flags=values)
        default, now = settings_of(command)(), value_of(settings, key.name)
        if expected is not None:
            assert now == expected
        dumped, plain = settings.model_dump(), default.model_dump()
        for follower in FOLLOWS.get((command, key.name), ()):
            assert dumped.pop(follower) != plain.pop(follower)
        block, _, leaf = key.name.rpartition(".")
        (dumped[block] if block else dumped).pop(leaf)
        (plain[block] if block else plain).pop(leaf)
        assert dumped == plain


@pytest.mark.parametrize(("command", "key", "flag"), OPTIONS)
def test_an_option_says_what_its_setting_says(command, key, flag):
    option = next(p for p in options_of(command) if p.name == parameter_name(key, flag))
    assert set(option.opts) == set(flag.names)
    assert option.help == help_of(key, flag)
    assert option.help.startswith(flag.help or key.meaning)
    assert option.rich_help_panel == flag.panel
    if is_switch(key, flag):
        assert option.is_flag
        assert not option.metavar
        assert "[default:" not in option.help
    else:
        assert option.metavar
        assert "<" not in option.metavar
        shown = {"true": "on", "false": "off"}.get(key.default_text, key.default_text)
        assert option.help.endswith(f"[default: {shown}]") == bool(shown)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_two_options_of_a_command_share_a_name(command):
    options = options_of(command)
    names = [name for option in options for name in option.opts]
    assert len(names) == len(set(names))
    assert len({option.name for option in options}) == len(options)
