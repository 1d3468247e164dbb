import io
import json
import re

from coma_cli import console
from coma_cli.errors import CliError


def test_json_is_one_object_on_stdout_and_nothing_else(capsys):
    console.note("working")
    console.warn("careful [not markup]")
    console.show_error(CliError("It broke [x].", "coma --help"))
    console.print_json({"a": "ü", "b": {"c": 1}})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"a": "ü", "b": {"c": 1}}
    assert captured.err.splitlines() == [
        "working",
        "Warning: careful [not markup]",
        "Error: It broke [x].",
        "Hint: coma --help",
    ]


def test_json_stays_json_where_stdout_takes_ascii_only(monkeypatch):
    import sys

    taken = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", taken)
    console.print_json({"a": "ü 你"})
    assert json.loads(taken.buffer.getvalue()) == {"a": "ü 你"}


def test_a_path_in_a_table_is_never_cut_short(capsys):
    path = "/".join(["folder"] * 30)
    console.print_values("Made", {"output": path})
    assert path in "".join(capsys.readouterr().out.split())


def test_nested_values_are_shown_with_dots(capsys):
    console.print_values("Plan", {"a": {"b": 1, "c": [1, 2]}, "d": 0.123456, "e": None})
    shown = capsys.readouterr().out
    assert "a.b" in shown
    assert "1, 2" in shown
    assert "0.1235" in shown


def test_progress_in_bytes_is_shown_as_sizes(capsys):
    with console.progress("rows", total=5_000_000, done=2_000_000, sizes=True) as ticker:
        ticker.advance(3_000_000)
    first, last = capsys.readouterr().err.splitlines()
    assert first == "rows: 2 MB of 5 MB are there already"
    assert last.startswith("rows: 3 MB of 3 MB, ")
    assert last.endswith("/s, 0 s left")
    with console.progress("archive", total=0, sizes=True) as ticker:
        ticker.advance(4_000)
    assert re.fullmatch(r"archive: 4 KB, \d.*/s\n", capsys.readouterr().err)


def test_plain_progress_says_how_it_ended_and_what_was_there_before(capsys):
    with console.progress("sample", total=10, done=4) as ticker:
        for _ in range(6):
            ticker.advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "sample: 4 of 10 are there already"
    assert lines[1].startswith("sample: 6/6, ")


def test_a_terminal_gets_a_bar_with_rate_and_time_left(monkeypatch):
    from rich.console import Console

    screen = io.StringIO()
    monkeypatch.setattr(console, "stderr", lambda: Console(file=screen, force_terminal=True, width=100))
    with console.progress("score", total=3) as ticker:
        ticker.advance(3)
    assert "score" in screen.getvalue()
    assert "3/3" in screen.getvalue()


def test_live_figures_stand_beside_the_count_on_a_terminal_of_usual_width(monkeypatch):
    from rich.console import Console

    screen = io.StringIO()
    monkeypatch.setattr(console, "stderr", lambda: Console(file=screen, force_terminal=True, width=80))
    with console.progress("Training", total=1000) as ticker:
        ticker.advance(500, "loss 1.2345, 1,053 tokens/s")
        ticker.advance(1, "loss [b]1.9, 1,053 tokens/s")
    assert re.search(r"501/1000 .* loss \[b\]1\.9, 1,053 tokens/s", re.sub("\x1b\\[[0-9;]*m", "", screen.getvalue()))


def test_plain_lines_with_live_figures_come_at_a_number_of_units_and_once_at_the_end(capsys):
    with console.progress("Training", total=5, every=2) as ticker:
        for step in range(1, 6):
            ticker.advance(live=f"loss {step}")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(", ")[:2] for line in lines] == [
        ["Training: 2/5", "loss 2"],
        ["Training: 4/5", "loss 4"],
        ["Training: 5/5", "loss 5"],
    ]
    assert all("/s" in line and line.endswith(" left") for line in lines)
    with console.progress("Training", total=2, every=2) as ticker:
        ticker.advance(2)
    assert len(capsys.readouterr().err.splitlines()) == 1, "the last line is not repeated"


def test_a_terminal_gets_no_bar_for_nothing(monkeypatch):
    from rich.console import Console

    screen = io.StringIO()
    monkeypatch.setattr(
        console, "stderr", lambda: Console(file=screen, force_terminal=True, width=100, highlight=False)
    )
    with console.progress("score", total=0):
        pass
    with console.progress("score", total=3, done=3):
        pass
    assert screen.getvalue().strip() == "score: 3 of 3 are there already"


def test_keys_are_shown_in_words(capsys):
    console.print_values("Made", {"rows_trained_on": 3})
    assert "rows trained on" in capsys.readouterr().out


def test_a_table_shows_markup_like_text_as_it_is(capsys):
    console.print_table("T", ("name", "n"), [("[bold]x[/bold]", "1")])
    assert "[bold]x[/bold]" in capsys.readouterr().out


def test_control_characters_never_reach_the_terminal(capsys):
    bad = "a\x1b]0;owned\x07\x9b31m\u202eb"
    console.note(bad)
    console.warn(bad)
    console.show_error(CliError(bad, bad))
    console.print_line(bad)
    console.print_table(bad, (bad,), [(bad,)])
    console.print_values(bad, {bad: [bad]})
    console.print_json({bad: bad})
    captured = capsys.readouterr()
    everything = captured.out + captured.err
    assert not set(everything) & set("\x1b\x07\x9b\u202e")
    assert everything.count("31m") >= 9
