"""Adapters of PiSSA and OLoRA: on the published base they give what was trained."""

import pytest

from coma_cli.jsonl import read_json
from tests.training.bench import ROWS, Bench

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]


@pytest.mark.parametrize("init", ["pissa", "olora"])
def test_the_output_on_the_published_base_has_the_loss_that_training_ended_with(tmp_path, tiny_model, init):
    """Killed and resumed between; the loss of a further step without a learning rate is that of the weights."""
    from coma_cli.jsonl import write_rows

    write_rows(tmp_path / "rows.jsonl", ROWS)
    bench = Bench(tmp_path / "ws", tiny_model, tmp_path / "rows.jsonl")
    usual = {"lora__init": init, "lora__dropout": 0, "batch__size": 20, "optimizer__learning_rate": 1e-3}
    bench(name="one more", max_steps=5, **usual)
    whole = bench(name="whole", max_steps=4, **usual)
    with pytest.raises(KeyboardInterrupt):
        bench(name="killed", max_steps=4, kill_after=3, **usual)
    assert bench(name="killed", max_steps=4, **usual)["content_sha256"] == whole["content_sha256"]
    config = read_json(bench.folder("whole") / "adapter" / "adapter_config.json")
    assert (config["r"], config["init_lora_weights"]) == (8, True)
    bench(name="on base", max_steps=1, from_adapter=bench.folder("whole"), optimizer__learning_rate=1e-9,
          lora__dropout=0, batch__size=20, lora__r=8, lora__alpha=64)  # fmt: skip
    assert bench.losses("on base")[0] == pytest.approx(bench.losses("one more")[4], rel=1e-4)
