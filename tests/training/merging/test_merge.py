"""A merge takes the memory of about one file of the model, not that of the model."""

import subprocess
import sys

import pytest

from tests.requirements import ROOT, package
from tests.training.merging.adapters import make_adapter

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
MEGABYTE = 1_000_000
# Peak of what only this process has in memory: pages of the files that are read can be dropped and don't count.
MERGE = """
import re, sys, threading, time
from pathlib import Path
from coma_cli.models.adapters import read_adapter
from coma_cli.models.loading import load_config
from coma_cli.models.resolution import resolve_base
from coma_cli.training.merging.base_files import base_files
from coma_cli.training.merging.merge import write_weights
from coma_cli.training.merging.skeleton import build

def anonymous():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

base, adapter, into = sys.argv[1:]
resolved = resolve_base(base)
skeleton = build(read_adapter(Path(adapter)), load_config(resolved), trust_remote_code=False, rounding=None)
before, peak, done = anonymous(), 0, False
def watch():
    global peak
    while not done:
        peak = max(peak, anonymous())
        time.sleep(0.002)
watcher = threading.Thread(target=watch)
watcher.start()
write_weights(skeleton, base_files(resolved), "float32", Path(into))
done = True
watcher.join()
print(peak - before)
"""


def test_the_peak_is_about_that_of_one_file(tmp_path):
    package("peft", "train")
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.tiny_model import make_tiny_tokenizer

    base = tmp_path / "base"
    make_tiny_tokenizer().save_pretrained(base)
    config = LlamaConfig(
        vocab_size=500,
        hidden_size=256,
        intermediate_size=2048,
        num_hidden_layers=12,
        num_attention_heads=8,
        max_position_embeddings=64,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(base, max_shard_size="8MB")
    whole = 2 * sum(path.stat().st_size for path in base.glob("*.safetensors"))
    adapter = make_adapter(base, tmp_path / "adapter", target_modules="all-linear")
    (tmp_path / "merged").mkdir()
    command = [sys.executable, "-c", MERGE, str(base), str(adapter), str(tmp_path / "merged")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    peak = int(ran.stdout.split()[-1])
    files = [path.stat().st_size for path in (tmp_path / "merged").glob("*.safetensors")]
    assert len(files) > 4
    assert whole > 80 * MEGABYTE
    assert peak < 2.5 * max(files) < whole / 2, f"{peak / MEGABYTE:.0f} MB for a model of {whole / MEGABYTE:.0f} MB"
