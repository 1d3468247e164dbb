"""Which rows are validated on: a random share, or the last rows of each source."""

from coma_cli.settings import load_settings
from coma_cli.training.examples import TrainingRow
from coma_cli.training.settings import FinetuneSettings
from coma_cli.training.validation_rows import held_out

ROWS = tuple(
    TrainingRow(f"0/{source}{n}", source, "Add.", "", "3")
    for source, size in (("a", 10), ("b", 5))
    for n in range(size)
)


def held(**flags) -> list[str]:
    settings = load_settings(FinetuneSettings, flags={"validation.data": "0.2", **flags})
    kept, validation = held_out(settings, ROWS, (), ())
    assert {row.id for row in kept} | {row.id for row in validation.rows} == {row.id for row in ROWS}
    return [row.id for row in validation.rows]


def test_the_last_fifth_of_each_source_is_held_out_in_file_order():
    assert held(**{"validation.taken": "last"}) == ["0/a8", "0/a9", "0/b4"]


def test_else_a_share_is_drawn_by_the_seed():
    assert len(held()) == 3 and held() == held() != held(seed=1)
