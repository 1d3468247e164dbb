from coma_cli.training.pushing.lineage import lineage_of
from coma_cli.workspace import Input
from tests.training.pushing.runs import built, merged, scored, tuned


def test_a_merged_model_is_traced_to_its_data_their_licences_and_its_scores(tmp_path):
    data = built(tmp_path)
    tuning = tuned(tmp_path, data.as_input("build-data"))
    model = merged(tmp_path, tuning)
    score = scored(tmp_path, model)
    scored(tmp_path, tuned(tmp_path, data.as_input("build-data"), name="other"), name="of another")
    found = lineage_of(model)
    assert (found.output, [run.name for run in found.tunings]) == ("model", ["run"])
    assert (found.base.hub_id, found.base.licence) == ("HuggingFaceTB/SmolLM2-135M-Instruct", "Apache-2.0")
    (origin,) = found.data
    assert (origin.name, origin.rows, origin.made_by) == ("build-data run run", 3, "coma build-data")
    assert origin.licences == {"CC-BY-NC-4.0": 2, "PSF-2.0": 1} and origin.sources == {"codealpaca": 2, "stdlib": 1}
    assert [source["name"] for source in origin.read] == ["codealpaca"]
    assert [run.fingerprint for run in found.scores] == [score.fingerprint]
    assert found.check is not None and found.check.covers == ["humaneval", "humaneval+"]


def test_an_adapter_has_the_scores_of_its_own_samples_and_of_its_merges(tmp_path):
    tuning = tuned(tmp_path, built(tmp_path).as_input("build-data"))
    scored(tmp_path, tuning, name="own")
    scored(tmp_path, merged(tmp_path, tuning), name="of the merge")
    assert {run.name for run in lineage_of(tuning).scores} == {"own", "of the merge"}


def test_data_of_an_adapter_that_was_continued_counts_too(tmp_path):
    rows = tmp_path / "more rows.jsonl"
    rows.write_text("{}\n")
    first = tuned(tmp_path, built(tmp_path).as_input("build-data"))
    second = tuned(
        tmp_path, Input.of_path("data-0", rows), name="further", earlier=first, data=[rows], from_adapter=first.path
    )
    found = lineage_of(second)
    assert [run.name for run in found.tunings] == ["further", "run"]
    assert [(data.name, data.licences) for data in found.data] == [
        ("more rows.jsonl", None),
        ("build-data run run", {"CC-BY-NC-4.0": 2, "PSF-2.0": 1}),
    ]


def test_a_data_set_on_the_hub_is_named_as_there(tmp_path):
    files = [Input(f"data-0-{part}", f"/cache/train-{part}.parquet", f"{part}" * 64) for part in (0, 1)]
    found = lineage_of(tuned(tmp_path, *files, data=["ada/code-rows@main"]))
    assert {data.hub_id for data in found.data} == {"ada/code-rows"}
    assert [data.name for data in found.data] == ["ada/code-rows: train-0.parquet", "ada/code-rows: train-1.parquet"]


def test_runs_that_are_gone_leave_names_and_hashes(tmp_path):
    import shutil

    tuning = tuned(tmp_path, built(tmp_path).as_input("build-data"))
    model = merged(tmp_path, tuning)
    shutil.rmtree(tmp_path / "build-data")
    (data,) = lineage_of(model).data
    assert (data.name, data.licences) == ("run", None) and len(data.content_sha256) == 64
    shutil.rmtree(tmp_path / "finetune")
    gone = lineage_of(model)
    assert (gone.tunings, gone.data, gone.base.hub_id) == ((), (), "HuggingFaceTB/SmolLM2-135M-Instruct")
