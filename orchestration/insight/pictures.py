"""Pictures: a trend, an account's 60 days, and what a back-test found, drawn into files."""

from __future__ import annotations

import warnings
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.dates as mdates
import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from orchestration.base import escaping
from orchestration.insight.explanation import DAYS
from orchestration.insight.prediction import Estimate
from orchestration.insight.states import ALL_STATES, LOOKS

if TYPE_CHECKING:
    from orchestration.insight.backtest_results import Results
    from orchestration.insight.explanation import Explanation

COLOURS = {state: look.colour for state, look in LOOKS.items()}
EMPTY = "#ffffff"
SIGNALS_SHOWN = 3  # of each pillar, the best
# `$` in a name begins no formula.
NAMES_ARE_TEXT: Any = {"text.parse_math": False}


def figure(width: float, height: float) -> Figure:
    """A figure that belongs to no window."""
    drawn = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(drawn)
    return drawn


def save(drawn: Figure, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box; who wants the picture can do nothing else.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        drawn.savefig(file, dpi=110)


def legend_of_states() -> list[Patch]:
    return [
        Patch(facecolor=colour, edgecolor="#666666", label=state.replace("_", " "))
        for state, colour in COLOURS.items()
    ]


@rc_context(NAMES_ARE_TEXT)
def draw_account(explanation: Explanation, name: str, file: Path) -> None:
    """The states of an account's last 60 days, a row for overall and for each pillar."""
    configuration = explanation.configuration
    pillars = ["overall", *(p for p in configuration.pillars if p in explanation.pillars)]
    days = [explanation.health_date - timedelta(days=age) for age in range(DAYS - 1, -1, -1)]
    codes = {state: position for position, state in enumerate(COLOURS, start=1)}
    cells = np.array(
        [
            [codes.get(explanation.states.get(pillar, {}).get(day, ""), 0) for day in days]
            for pillar in pillars
        ]
    )
    drawn = figure(10, 1.6 + 0.45 * len(pillars))
    axes = drawn.subplots()
    colours = ListedColormap([EMPTY, *COLOURS.values()])
    axes.pcolormesh(cells, cmap=colours, vmin=0, vmax=len(COLOURS), edgecolors="white", lw=0.5)
    axes.invert_yaxis()
    axes.set_yticks(
        np.arange(len(pillars)) + 0.5,
        [escaping.line(configuration.pillar_names.get(p, p)) for p in pillars],
    )
    weeks = range(DAYS - 1, -1, -7)
    axes.set_xticks([n + 0.5 for n in weeks], [f"{days[n]:%d %b}" for n in weeks])
    axes.set_title(
        f"{escaping.line(name)}: {DAYS} days up to {explanation.health_date}", loc="left"
    )
    drawn.legend(handles=legend_of_states(), loc="outside lower center", ncols=4, frameon=False)
    save(drawn, file)


@rc_context(NAMES_ARE_TEXT)
def draw_trend(rows: list[tuple[str, date, str, int, float]], title: str, file: Path) -> None:
    """Accounts by state over the dates, one panel a group."""
    groups = list(dict.fromkeys(row[0] for row in rows))
    columns = min(3, len(groups))
    lines = -(-len(groups) // columns)
    drawn = figure(4.2 * columns + 1, 2.6 * lines + 1)
    panels = drawn.subplots(lines, columns, squeeze=False, sharex=True).flatten()
    for panel, group in zip(panels, groups, strict=False):
        counts = {(day, state): n for name, day, state, n, _ in rows if name == group}
        days = sorted({day for day, _ in counts})
        panel.stackplot(
            days,
            [[counts.get((day, state), 0) for day in days] for state in reversed(ALL_STATES)],
            colors=[COLOURS[state] for state in reversed(ALL_STATES)],
            step="post",
        )
        panel.set_title(escaping.line(group), loc="left", fontsize="medium")
        panel.set_ylabel("accounts")
        panel.tick_params(labelbottom=True)  # shared axes label the lowest row only
        panel.xaxis.set_major_formatter(
            mdates.ConciseDateFormatter(panel.xaxis.get_major_locator())
        )
    for panel in panels[len(groups) :]:
        panel.set_visible(False)
    drawn.suptitle(escaping.line(title))
    drawn.legend(handles=legend_of_states(), loc="outside lower center", ncols=4, frameon=False)
    save(drawn, file)


@rc_context(NAMES_ARE_TEXT)
def draw_backtest(results: Results, folder: Path) -> list[Path]:
    """The AUC of scores, their best signals and rivals with intervals, and the calibration."""
    files = [folder / "auc.png", folder / "calibration.png"]
    horizons = sorted({horizon for _, _, horizon in results.aucs})
    draw_aucs(results, horizons, files[0])
    draw_calibration(results, horizons, files[1])
    return files


def auc_rows(
    results: Results, horizons: list[int]
) -> list[tuple[str, list[Estimate | int | None], bool]]:
    """Overall, each pillar with the best signals that feed it, rivals: name, cells, is a score."""

    def score(name: str) -> tuple[str, list[Estimate | int | None], bool]:
        return name, [results.aucs.get(("all", name, horizon)) for horizon in horizons], True

    rows = [score("overall")]
    for pillar in results.configurations[0].pillars:
        rows.append(score(pillar))
        best = [signal for signal in results.signals if pillar in signal.pillars][:SIGNALS_SHOWN]
        for signal in best:
            way = "higher" if signal.is_higher_riskier else "lower"
            cells = [signal.aucs.get(horizon) for horizon in horizons]
            rows.append((f"{signal.signal_id} ({way})", cells, False))
    for rival in dict.fromkeys(name for name, _ in results.rivals):
        found = [results.rivals.get((rival, horizon)) for horizon in horizons]
        rows.append((f"{rival} alone", [one.rival if one else None for one in found], False))
    return rows


def draw_aucs(results: Results, horizons: list[int], file: Path) -> None:
    rows = auc_rows(results, horizons)
    drawn = figure(8, 1.5 + 0.4 * len(rows))
    axes = drawn.subplots()
    for shift, horizon in enumerate(horizons):
        for row, (_, cells, is_score) in enumerate(rows):
            if isinstance(cell := cells[shift], Estimate):
                axes.errorbar(
                    cell.value,
                    row + 0.22 * (shift - 1),
                    xerr=[[max(0, cell.value - cell.low)], [max(0, cell.high - cell.value)]],
                    fmt="o",
                    color=f"C{shift}",
                    mfc=f"C{shift}" if is_score else "white",
                    label=f"{horizon} days ahead" if not row else None,
                )
    axes.axvline(0.5, color="#666666", ls=":")
    axes.set_yticks(
        range(len(rows)), [escaping.line(name.replace("_", " ")) for name, _, _ in rows]
    )
    for label, (_, _, is_score) in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if is_score else "normal")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(
        "AUC with 95% interval; 0.5 is chance; in brackets which way a signal is riskier"
    )
    axes.set_title("How well scores (full) and single signals (hollow) tell who leaves", loc="left")
    drawn.legend(loc="outside lower center", ncols=len(horizons), frameon=False)
    save(drawn, file)


def draw_calibration(results: Results, horizons: list[int], file: Path) -> None:
    drawn = figure(7, 4)
    axes = drawn.subplots()
    middles = [(low + high) / 2 for low, high, _, _ in results.calibration]
    for position, horizon in enumerate(horizons):
        shares = [100 * row[3][position] for row in results.calibration]
        axes.plot(middles, shares, "o-", label=f"within {horizon} days")
    axes.set_xlabel("overall score (middle of each tenth)")
    axes.set_ylabel("left, percent of account dates")
    axes.set_ylim(bottom=0)
    axes.set_title("Who left, by overall score", loc="left")
    axes.legend(frameon=False)
    save(drawn, file)
