import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

from coma_cli.training.pushing.results import result_files, scores_in
from tests.training.pushing.runs import SCORED, built, scored, tuned


@pytest.fixture
def model(tmp_path):
    return tuned(tmp_path, built(tmp_path).as_input("build-data"))


def test_a_score_is_a_file_of_results_as_the_hub_reads_them(tmp_path, model):
    score = scored(tmp_path, model)
    (found,) = scores_in([score])
    assert [(k, round(value, 1)) for k, value, _ in found.values] == [("1", 12.3), ("10", 25.0)]
    files = result_files([found], "ada/model")
    assert list(files) == [".eval_results/humaneval-completion-t0.2.yaml"]
    (entry,) = parse_eval_result_entries(yaml.safe_load(files[".eval_results/humaneval-completion-t0.2.yaml"]))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("openai/openai_humaneval", "openai_humaneval", 12.35)
    assert (entry.source_url, entry.source_name) == ("https://huggingface.co/ada/model", "coma score")
    assert entry.notes == "pass@1 in percent, protocol completion, 20 samples per problem, temperature 0.2"
    assert entry.date == f"{score.finished[:19]}Z"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"partial": True, "problems": 12}, "not all problems were scored"),
        ({"excluded": {"HumanEval/1": "timeout"}}, "not all problems were scored"),
        ({"benchmark": {"as_published": False}}, "its problems differ from the published ones"),
        ({"training_data": {"state": "kept", "kept_rows": 2}}, "the model was tuned on rows with its problems"),
        ({"bench": "own"}, "the benchmark is not on the Hub"),
    ],
)
def test_scores_that_cannot_stand_beside_others_are_on_the_card_only(tmp_path, model, changes, reason):
    (found,) = scores_in([scored(tmp_path, model, **changes)])
    assert (found.on_hub, found.kept_back) == (None, reason)
    assert result_files([found], "ada/model") == {}


def test_the_latest_of_several_scores_of_a_kind_counts_and_held_out_rows_do_not(tmp_path, model):
    old = scored(tmp_path, model, name="old")
    other = {**SCORED["results"][0], "pass_at_k": {"1": {"value": 0.5, "ci95": None}}}
    new = scored(tmp_path, model, name="new", results=[other, {**other, "protocol": "instruct"}])
    found = scores_in([new, old])
    assert [(score.protocol, score.values[0][1]) for score in found] == [("completion", 50.0), ("instruct", 50.0)]
    assert len(result_files(found, "ada/model")) == 2
    measured = scored(tmp_path, model, name="held out")
    (measured.path / "summary.json").write_text('{"bench": "code-repair", "results": []}')
    assert scores_in([measured]) == []
