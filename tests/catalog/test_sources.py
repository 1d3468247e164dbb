import pickle

import pytest

from coma_cli.catalog.sources import SOURCES
from coma_cli.catalog.tasks import TASKS


@pytest.mark.parametrize("source", SOURCES.values(), ids=lambda s: s.name)
def test_an_entry_states_its_origin_and_its_tasks(source):
    assert source.url.startswith("https://")
    assert source.licence
    assert source.citation
    assert source.tasks, "no task takes what it gives"
    assert set(source.not_for) <= set(TASKS)
    assert source.bytes_per_row > 0
    assert pickle.loads(pickle.dumps(source)).name == source.name  # it travels to worker processes
