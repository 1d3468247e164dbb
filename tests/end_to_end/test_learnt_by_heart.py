"""The chain is right, not only alive: rows learnt by heart come back exactly, each ending at its stop token.

On the real SmolLM2, through the command line, with nothing but transformers' own generate at the end.
"""

import json
from pathlib import Path

import pytest

from tests.requirements import smollm2

pytestmark = [pytest.mark.slow, pytest.mark.model]

# Made up: nothing in the base's own training can know these answers.
NAMES = ["borak", "teluun", "vissar", "ombrel", "quinzo", "falade", "merrow", "uptik", "sorvane", "glint"]
ROWS = [
    *(
        {"instruction": f"What does {name}() return?", "input": "", "output": f"{37 * n % 101} {name[::-1]}s"}
        for n, name in enumerate(NAMES)
    ),
    *(
        {"instruction": f"Write {name}.", "input": "", "output": f"def {name}(x):\n    return x * {7 * n + 3}\n"}
        for n, name in enumerate(NAMES)
    ),
]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory, warm_coma) -> Path:
    """Twenty rows learnt by heart and merged."""
    smollm2()
    folder = tmp_path_factory.mktemp("chain")
    (folder / "rows.json").write_text(json.dumps(ROWS))
    settings = "--template chatml --max-steps 24 --batch-size 10 --learning-rate 3e-3 --lora-r 16 --lora-dropout 0"
    tuned = warm_coma.summary(["finetune", "--data", "rows.json", "--lora", *settings.split(), "-w", "ws"], folder)
    assert tuned["rows_trained_on"] == 20
    assert tuned["last_loss"] < 0.05
    few = ["--set", "verification.probes=1"]
    merged = warm_coma.summary(["merge-lora", *few, "-w", "ws"], folder)
    return folder / merged["output"]


def test_at_least_18_of_20_answers_come_back_exactly_and_stop(model_folder):
    from coma_cli.models.loading import torch, transformers  # it also sets how torch's threads wait
    from coma_cli.prompting import PromptTemplate, decode_answer, encode_prompt, stop_token_id

    tokenizer = transformers.AutoTokenizer.from_pretrained(model_folder, padding_side="left")
    model = transformers.AutoModelForCausalLM.from_pretrained(model_folder).eval()
    template = PromptTemplate.load(model_folder)
    stop = stop_token_id(template, tokenizer)
    prompts = [encode_prompt(template, tokenizer, row["instruction"], row["input"]) for row in ROWS]
    batch = tokenizer.pad({"input_ids": prompts}, return_tensors="pt")
    with torch.inference_mode():
        out = model.generate(**batch, max_new_tokens=32, do_sample=False, eos_token_id=stop)
    right = 0
    for row, prompt, ids in zip(ROWS, prompts, out[:, batch["input_ids"].shape[1] :].tolist(), strict=True):
        end = ids.index(stop) if stop in ids else len(ids)
        right += stop in ids and decode_answer(tokenizer, prompt, ids[:end]) == row["output"]
    assert right >= 18
