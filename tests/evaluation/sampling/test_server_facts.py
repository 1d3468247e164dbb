"""Models behind one name: which answers are shared, what is recorded of a server, and what `--force` sends again."""

import pytest

from coma_cli.errors import UsageError
from tests.chat_server import serving
from tests.evaluation.sampler import Sampler, rows_of

BASE = {"id": "m", "object": "model", "created": 1, "root": "/models/base", "max_model_len": 2048}
TUNED = {**BASE, "created": 2, "root": "/models/tuned"}


def answering(text: str):
    return lambda body: text


@pytest.fixture
def sampler(tmp_path) -> Sampler:
    return Sampler(tmp_path / "w", model="m", limit=1, n=2, temperature=0.8)


def test_two_servers_of_one_name_share_no_answers(sampler):
    with serving(answer=answering("base")) as one, serving(answer=answering("tuned")) as two:
        first, second = sampler(runtime__base_url=one.base_url), sampler(runtime__base_url=two.base_url)
        assert first.path != second.path
        assert [row.completion for row in rows_of(first)] == ["base"] * 2
        assert [row.completion for row in rows_of(second)] == ["tuned"] * 2
        assert (one.log.calls, two.log.calls) == (2, 2)
        again = sampler(runtime__base_url=f"{one.base_url}/")
        assert again.path == first.path and one.log.calls == 2


def test_force_sends_the_requests_again_and_a_resumed_forced_run_keeps_its_own(sampler):
    with serving(answer=answering("base")) as server:
        before = sampler(runtime__base_url=server.base_url)
        server.answer = answering("tuned")
        forced = sampler(runtime__base_url=server.base_url, force=True)
        assert forced.path == before.path and server.log.calls == 4
        assert [row.completion for row in rows_of(forced)] == ["tuned"] * 2
        (forced.path / "manifest.json").unlink()
        (forced.path / "samples.jsonl").unlink()
        resumed = sampler(runtime__base_url=server.base_url)
        assert [row.completion for row in rows_of(resumed)] == ["tuned"] * 2 and server.log.calls == 4


def test_another_model_at_the_same_url_is_noticed(sampler):
    with serving(models=[BASE], answer=answering("base")) as server:
        sampler(runtime__base_url=server.base_url)
        server.models, server.answer = [{**BASE, "created": 9}], answering("base")
        sampler(runtime__base_url=server.base_url, n=3)
        server.models = [TUNED]
        with pytest.raises(UsageError, match="root was '/models/base', now '/models/tuned'") as caught:
            sampler(runtime__base_url=server.base_url, n=4)
        assert "--force" in caught.value.hint
        server.answer = answering("tuned")
        other = sampler(runtime__base_url=server.base_url, name="tuned")
        assert [row.completion for row in rows_of(other)] == ["tuned"] * 2


def test_what_a_server_says_is_in_the_manifest(sampler):
    with serving(models=[{"id": "other"}, BASE], system_fingerprint="fp_1") as server:
        artifact = sampler(runtime__base_url=server.base_url)
        assert artifact.manifest["server"] == {
            "url": server.base_url,
            "model": {"id": "m", "root": "/models/base", "max_model_len": 2048},
            "system_fingerprints": {"fp_1": 2},
            "served_by": {"m": 2},
        }
        (artifact.path / "manifest.json").unlink()
        assert sampler(runtime__base_url=server.base_url).manifest["server"]["model"]["root"] == "/models/base"


def test_a_server_that_says_nothing_is_sampled_too(sampler):
    with serving() as server:
        assert sampler(runtime__base_url=server.base_url).manifest["server"]["model"] is None
