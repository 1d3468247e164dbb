import re

import pytest
import yaml

from coma_cli.training.pushing.lineage import lineage_of
from coma_cli.training.pushing.model_card import card_header, model_card
from coma_cli.training.pushing.results import scores_in
from coma_cli.workspace import Input
from tests.training.pushing.runs import built, merged, scored, tuned


@pytest.fixture
def tuning(tmp_path):
    return tuned(tmp_path, built(tmp_path).as_input("build-data"))


def test_the_header_has_what_the_hub_reads(tmp_path, tuning):
    assert card_header(lineage_of(tuning)) == {
        "license": "apache-2.0",
        "base_model": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "base_model_relation": "adapter",
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "tags": ["code", "coma", "lora"],
    }
    model = card_header(lineage_of(merged(tmp_path, tuning)))
    assert (model["base_model_relation"], model["library_name"]) == ("finetune", "transformers")
    on_hub = tuned(tmp_path, Input("data-0-0", "/cache/a.parquet", "a" * 64), name="hub", data=["ada/code-rows"])
    assert card_header(lineage_of(on_hub))["datasets"] == ["ada/code-rows"]


def test_a_card_names_data_recipe_licences_benchmarks_and_results(tmp_path, tuning):
    model = merged(tmp_path, tuning)
    found = lineage_of(model)
    scores = scores_in([scored(tmp_path, model)])
    text = model_card(found, scores, "ada/tuned")
    header, body = re.match(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL).groups()
    assert yaml.safe_load(header) == card_header(found)
    for line in (
        "# tuned",
        "The base's licence: Apache-2.0.",
        "| build-data run run | 3 | coma build-data | CC-BY-NC-4.0 (2), PSF-2.0 (1) |",
        "| codealpaca | 2 | CC-BY-NC-4.0 | https://github.com/sahil280114/codealpaca | Chaudhary 2023 |",
        "30 steps (1.5 epochs) on 3 rows, 4,321 tokens; 4,884,480 of 135,000,000 parameters trained; "
        "loss 1.5000 at the first step, 0.7500 at the end; lowest validation loss 0.9000 at step 20, whose weights "
        "these are.",
        "![Loss and learning rate](loss.png)",
        "| `lora.r` | 16 |",
        "| `optimizer.learning_rate` | 0.0002 |",
        "| `batch.size` | 2 |",
        "| `batch.accumulation` | 4 |",
        "Merged in float32 into the published base, and compared with base and adapter at 650 positions: "
        "logits differ by at most 3e-05",
        "All rows were checked against: humaneval",
        "| humaneval | 1 | 0 |",
        "| humaneval | 164 | completion | 0.2 | 20 | pass@1 12.3 (8.0 to 17.0), pass@10 25.0 |",
        "1 was excluded, which held 1 problem",
        'AutoModelForCausalLM.from_pretrained("ada/tuned")',
    ):
        assert line in body, line
    assert str(tmp_path) not in text


def test_a_card_says_what_is_not_known(tmp_path):
    import shutil

    tuning = tuned(tmp_path, built(tmp_path).as_input("build-data"))
    model = merged(tmp_path, tuning)
    shutil.rmtree(tmp_path / "finetune")
    text = model_card(lineage_of(model), [], "ada/tuned")
    assert "Nothing is recorded of the rows that it was tuned on." in text
    assert "No score of this model is recorded." in text
