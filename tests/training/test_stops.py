"""A tuned model stops and is prompted rightly in plain transformers, whatever template it was tuned with."""

import pytest

from coma_cli.prompting import ALPACA, CAPYBARA, CHATML, RAW, choose_template, encode_prompt, template_from_file
from coma_cli.training.stops import chat_source, save_for_others
from tests.requirements import package
from tests.tiny_model import make_tiny_tokenizer


@pytest.mark.parametrize("template", [ALPACA, CAPYBARA, CHATML, RAW], ids=lambda template: template.name)
@pytest.mark.parametrize("begins", [False, True], ids=["", "with a first token"])
def test_a_template_as_a_chat_template_gives_the_prompts_of_training(template, begins):
    tokenizer = make_tiny_tokenizer()
    if begins:
        _begin_with(tokenizer, "<|im_start|>")
    tokenizer.chat_template = chat_source(template, tokenizer)
    messages = [{"role": "user", "content": "Add 1 and 2."}]
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert list(ids) == encode_prompt(template, tokenizer, "Add 1 and 2.")


def test_fireflys_form_as_a_chat_template_gives_the_prompts_of_training():
    tokenizer = make_tiny_tokenizer()
    template = choose_template("firefly", tokenizer)
    tokenizer.chat_template = chat_source(template, tokenizer)
    end = tokenizer.eos_token
    said = [("user", "Add."), ("assistant", "3"), ("user", "More.")]
    text = tokenizer.apply_chat_template([{"role": r, "content": c} for r, c in said], tokenize=False)
    assert text == f"{end}Add.{end}3{end}More.{end}"


def test_turns_and_a_system_text_are_rendered():
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = chat_source(CHATML, tokenizer)
    texts = [("system", "Be short."), ("user", "Add."), ("assistant", "3"), ("user", "More.")]
    text = tokenizer.apply_chat_template([{"role": r, "content": c} for r, c in texts], tokenize=False)
    turn = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n{}"
    assert text == turn.format("Be short.\n\nAdd.", "3<|im_end|>\n") + turn.format("More.", "")


def test_a_template_that_no_chat_template_can_render_is_not_written(tmp_path, capsys):
    file = tmp_path / "own.jinja"
    file.write_text("{% if input %}\n{{ input }}{% endif %}\n\n{{ instruction }}\n>")
    tokenizer = make_tiny_tokenizer()
    before = tokenizer.chat_template
    template = template_from_file(file)
    assert chat_source(template, tokenizer) is None
    package("transformers", "train")
    from transformers import GenerationConfig

    save_for_others(tmp_path / "made", template, tokenizer, GenerationConfig())
    assert (tmp_path / "made" / "chat_template.jinja").read_text() == before
    assert "can't be written as a chat template" in capsys.readouterr().err


def _begin_with(tokenizer, token: str) -> None:
    from tokenizers import processors

    number = tokenizer.convert_tokens_to_ids(token)
    tokenizer.bos_token = token
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{token} $A", special_tokens=[(token, number)]
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_adapter_full_and_merged_models_tuned_with_chatml_stop_in_plain_transformers(tmp_path):
    """The base ends in another token than the template, as Qwen's base models do."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    from coma_cli.jsonl import read_json, write_json, write_rows
    from tests.support.command import coma
    from tests.tiny_model import make_tiny_model

    base = make_tiny_model(tmp_path / "base")
    for name in ("tokenizer_config.json", "config.json", "generation_config.json"):
        written = read_json(base / name)
        ends = {"eos_token": "<|endoftext|>"} if name.startswith("tokenizer") else {"eos_token_id": 0}
        write_json(base / name, {**written, **ends})
    (base / "chat_template.jinja").unlink()
    data = tmp_path / "rows.jsonl"
    write_rows(data, [{"instruction": "Add.", "output": "3"}] * 8)
    workspace = ["--workspace", str(tmp_path / "w")]
    common = f"--base {base} --data {data} --template chatml --max-steps 40 --batch-size 4 --dtype float32".split()
    lora = ["--lora-r", "16", "--lora-dropout", "0", "--learning-rate", "1e-2", "--name", "lora"]
    for more in (lora, ["--full", "--learning-rate", "1e-2", "--name", "full"]):
        made = coma("finetune", *common, *more, *workspace)
        assert made.returncode == 0, made.stderr
        assert "\u27e63<|im_end|>\u27e7" in made.stderr
    adapter, full = tmp_path / "w/finetune/lora/adapter", tmp_path / "w/finetune/full/model"
    made = coma("merge-lora", "--adapter", str(adapter), "--base", str(base), "--name", "m", *workspace)
    assert made.returncode == 0, made.stderr
    merged = tmp_path / "w/merge-lora/m/model"
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
    adapted.base_model.model.generation_config = GenerationConfig.from_pretrained(adapter)
    models = {adapter: adapted}
    models |= {folder: AutoModelForCausalLM.from_pretrained(folder) for folder in (full, merged)}
    for folder, model in models.items():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": "Add."}], add_generation_prompt=True, return_tensors="pt"
        )
        made = model.generate(**prompt, max_new_tokens=30, do_sample=False)
        answer = tokenizer.decode(made[0, prompt["input_ids"].shape[1] :])
        assert answer == "3<|im_end|>", folder
