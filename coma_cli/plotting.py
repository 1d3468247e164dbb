"""What all plots have in common: no display is needed, and the same numbers give the same file with one matplotlib.

Plots accompany a run and are not part of its content hash: another version of matplotlib draws other pixels from the
same numbers.
"""

from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coma_cli.errors import MissingPackageError, missing_package

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_blocker(what: str) -> MissingPackageError | None:
    """Why `what` can't be drawn here, or None."""
    return None if util.find_spec("matplotlib") else missing_package("matplotlib", what)


def new_figure(width: float, height: float, dpi: int) -> "Figure":
    """An empty figure of so many inches.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_package("matplotlib", "A plot") from None
    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_png(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG, without the version of what wrote it."""
    figure.savefig(path, format="png", metadata={"Software": None})


def open_frame(axes: Any) -> None:
    """Remove the lines on the top and right of a plot."""
    axes.spines[["top", "right"]].set_visible(False)
