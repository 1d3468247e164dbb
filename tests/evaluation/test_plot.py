import sys
from importlib import util

import pytest

from coma_cli.errors import MissingPackageError
from coma_cli.evaluation.pass_at_k import Tally, pass_at_k
from coma_cli.evaluation.plot import Curve, curve_of, draw, points, ticks
from tests.evaluation.sampled import HUMANEVAL, right
from tests.requirements import package
from tests.support.files import write_lines

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("largest", [1, 2, 24, 25, 100, 200, 1000, 12345])
def test_points_begin_at_1_end_at_the_last_and_stay_few(largest):
    ks = points(largest)
    assert ks[0] == 1 and ks[-1] == largest and list(ks) == sorted(set(ks)) and len(ks) <= 26
    assert largest > 24 or ks == tuple(range(1, largest + 1))


@pytest.mark.parametrize(
    ("largest", "expected"),
    [
        (1, [1]),
        (2, [1, 2]),
        (12, list(range(1, 13))),
        (13, [1, 2, 5, 10]),
        (100, [1, 2, 5, 10, 20, 50, 100]),
        (499, [1, 2, 5, 10, 20, 50, 100, 200]),
    ],
)
def test_the_axis_is_labelled_at_integers_only(largest, expected):
    assert ticks(largest) == expected


@pytest.mark.parametrize("largest", [2, 30])
def test_the_drawn_axis_has_no_other_labels(tmp_path, monkeypatch, largest):
    package("matplotlib")
    from matplotlib.figure import Figure

    drawn = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **b: (drawn.append(self), save(self, *a, **b)))
    draw([curve_of("a", [Tally(largest, 1)])], "t", tmp_path / "p.png")
    (axes,) = drawn[0].axes
    low, high = axes.get_xlim()
    shown = [label.get_text() for label in axes.get_xticklabels(which="both") if low <= label.get_position()[0] <= high]
    assert [text for text in shown if text] == [str(k) for k in ticks(largest)]


def test_a_curve_is_pass_at_k_with_its_interval():
    tallies = [Tally(10, 2), Tally(12, 12), Tally(10, 0)]
    curve = curve_of("x", tallies)
    assert curve.ks == tuple(range(1, 11))
    assert curve.values == tuple(100 * pass_at_k(tallies, k).value for k in curve.ks)
    assert all(low <= value <= high for low, value, high in zip(curve.low, curve.values, curve.high, strict=True))
    assert list(curve.values) == sorted(curve.values)


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    package("matplotlib")
    curves = [curve_of("a, T=0.2", [Tally(30, 3), Tally(30, 20)]), curve_of("b, T=0.8", [Tally(1, 1), Tally(1, 0)])]
    for name in ("one.png", "two.png"):
        draw(curves, "humaneval", tmp_path / name)
    one = (tmp_path / "one.png").read_bytes()
    assert one.startswith(PNG) and one == (tmp_path / "two.png").read_bytes()
    other = Curve(curves[0].label, curves[0].ks, tuple(v / 2 for v in curves[0].values), curves[0].low, curves[0].high)
    draw([other, curves[1]], "humaneval", tmp_path / "three.png")
    assert (tmp_path / "three.png").read_bytes() != one


def samples(tmp_path):
    rows = [{"task_id": p.task_id, "completion": t} for p in HUMANEVAL[:3] for t in (right(p), "    return 7\n")]
    return "--bench", "humaneval", "--samples", write_lines(tmp_path / "s.jsonl", rows), "--name", "run"


def test_a_picture_may_be_asked_for_later_and_is_no_part_of_the_content(coma, tmp_path):
    package("matplotlib")
    base = samples(tmp_path)
    plain = coma(*base)
    content = coma.workspace.newest("score").content_sha256
    assert plain["plot"] is None
    drawn = coma(*base, "--plot", "--protocol", "default")
    artifact = coma.workspace.newest("score")
    assert drawn["plot"] == "pass_at_k.png" and drawn["programs_run"] == 0
    assert (artifact.path / "pass_at_k.png").read_bytes().startswith(PNG)
    assert artifact.content_sha256 == content


def test_without_matplotlib_a_picture_is_refused_before_anything_runs(coma, tmp_path, monkeypatch):
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    find_spec = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "matplotlib" else find_spec(name))
    base = samples(tmp_path)
    for more in ((), ("--dry-run",)):
        assert "pip install matplotlib" in coma(*base, "--plot", *more, code=4)
    assert not list(coma.workspace.root.glob("score/*"))
    assert coma(*base)["verdicts"]["pass"] == 3
    with pytest.raises(MissingPackageError, match="matplotlib"):
        draw([curve_of("a", [Tally(1, 1)])], "t", tmp_path / "p.png")
