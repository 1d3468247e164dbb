from coma_cli.evaluation.comparing.flips import Rated, flips_of


def test_the_most_telling_come_first_and_equal_ones_are_not_listed():
    first = {"P/2": (0.0, 1), "P/10": (0.0, 20), "P/1": (0.5, 4), "P/3": (0.5, 2), "P/9": (1.0, 1), "P/4": (0.1, 9)}
    second = {"P/2": (1.0, 1), "P/10": (1.0, 20), "P/1": (0.0, 4), "P/3": (0.5, 2), "P/9": (0.0, 1), "other": (1, 1)}
    flips = flips_of(*({k: Rated(figure=f, samples=n) for k, (f, n) in of.items()} for of in (first, second)))
    assert [(flip.task_id, flip.change) for flip in flips] == [("P/10", 1), ("P/2", 1), ("P/9", -1), ("P/1", -0.5)]
