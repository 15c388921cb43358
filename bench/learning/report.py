"""The section of ``docs/results.md``: tables, plots and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.learning import calibration, plots
from bench.learning.contenders import ANCHOR, CONTENDERS, OWN_TITLES
from bench.learning.figures import Figures
from bench.learning.running import Results
from bench.table import row, table
from schemas.times import format_time

BEGIN = "<!-- bench-learning: written by `make bench-learning`, do not edit -->"
END = "<!-- bench-learning: end -->"
TITLES = {contender.name: contender.title for contender in CONTENDERS}
TITLES[ANCHOR] = "**LightGBM, every 28 days** (the better of the two)"
HEAD = ["", "AUC", "PR-AUC", "log loss", "Brier", "ECE", "AUC − LightGBM", "log loss − LightGBM"]
HEAD += ["CPU ms", "MB"]
FLOOR_AUC, FLOOR_LOSS = 0.98, 1.02

INTRODUCTION = """\
## The bench of truth: online against batch

Everyone gets the same rows: the project's own engine, driven in memory with the configuration as
it is, gives the features of every cut as they were known then, the label, and the epoch in which
production learns it. Everyone scores every cut before anything after it, and learns only what has
matured. Ebbline's learners go through the production trainer: epochs, `valid_from`, compiled
scoring, one pass. The two batch learners are fitted anew every 28 days on all examples that have
matured, the same examples that the others learn one by one.

- **Choosing and reporting** are apart. Only cuts at or after the date below are reported. The batch
  learners' settings are chosen once, on the examples that had matured before it: learned on two
  thirds of the users, judged by log loss on the third. LightGBM takes part like this, and with 100
  rounds of 15 leaves that nobody tuned; ours are compared with the better of the two in hindsight.
  Ebbline gets the prior of the configuration and nothing else: the same settings everywhere. The
  simulator's reported worlds have another seed (101) than those for trying things out (1).
- **Intervals**: 95 %, a jackknife over 30 groups of users, paired with LightGBM on the same rows.
- **CPU**: learning one example + scoring one row, everything included (retraining too), in
  milliseconds of this process. **MB**: what has to be kept: the snapshot or the pickled model,
  for a batch learner also the rows that it will be fitted on again.
- **ECE**: mean |rate − prediction| over ten bins of equally many rows.
- *River* is plugged in as it comes: raw features, default settings; the forest on one user in
  seven, its differences on the same rows.
"""


def section(
    every: Sequence[Results], found: dict[str, dict[str, Figures]], about: dict[str, Any]
) -> str:
    """The whole section, markers included."""
    parts = [BEGIN, INTRODUCTION.strip(), _ran_on(about), _verdict(every, found)]
    parts += [_of(results, found[results.data.name]) for results in every]
    parts += [_calibration(every), _cost(found)]
    return "\n\n".join([*parts, END])


def write(path: Path, text: str) -> None:
    """Put the section in the place of the last one, or at the end."""
    old = path.read_text()
    if BEGIN in old:
        before, rest = old.split(BEGIN, 1)
        path.write_text(before + text + rest.split(END, 1)[1])
    else:
        path.write_text(old.rstrip() + "\n\n" + text + "\n")


def _ran_on(about: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in about["packages"].items())
    quick = " (the quick version: fewer users and data sets)" if about["quick"] else ""
    return f"{about['when']}, commit {about['commit']}{quick}; {about['cpu']}; {versions}."


def _verdict(every: Sequence[Results], found: dict[str, dict[str, Figures]]) -> str:
    """Ratios to the anchor, our contenders only."""
    ours = [name for name in OWN_TITLES if any(name in f for f in found.values())]
    head = ["AUC ÷ LightGBM's, log loss ÷ LightGBM's", *(TITLES[name] for name in ours)]
    lines = []
    for results in every:
        figures = found[results.data.name]
        cells = [_ratio(figures.get(name)) for name in ours]
        lines.append(row([results.data.title, *cells]))
    text = f"The floor is {FLOOR_AUC} and {FLOOR_LOSS}; bold: LightGBM is beaten on both figures, "
    text += "struck out: below the floor."
    return table(head, lines) + "\n\n" + text


def _ratio(figures: Figures | None) -> str:
    if figures is None or "auc_ratio" not in figures:
        return ""
    auc, loss = figures["auc_ratio"], figures["log_loss_ratio"]
    text = f"×{auc:.3f}, ×{loss:.3f}"
    if auc < FLOOR_AUC or loss > FLOOR_LOSS:
        return f"~~{text}~~"
    return f"**{text}**" if auc > 1 and loss < 1 else text


def _of(results: Results, figures: dict[str, Figures]) -> str:
    data = results.data
    first = next(iter(figures.values()))
    lines = [row([TITLES[name], *_cells(name, f)]) for name, f in figures.items()]
    chosen = [f"{name}: {f['chosen']}" for name, f in figures.items() if f["chosen"]]
    text = f"### {data.title}\n\n"
    text += f"Reported from {format_time(data.report_from)[:10]}: {first['rows']:,} rows, "
    text += f"{first['positives']:,} positive; learned in all: {int(results.rows.sampled.sum()):,} "
    text += f"of {len(results.rows):,} rows. Chosen before: {'; '.join(chosen)}."
    return text + "\n\n" + table(HEAD, lines)


def _cells(name: str, f: Figures) -> list[str]:
    beside = name != ANCHOR and "auc_difference" in f
    return [
        f"{f['auc']:.4f}",
        f"{f['pr_auc']:.4f}",
        f"{f['log_loss']:.5f}",
        f"{f['brier']:.5f}",
        f"{f['ece']:.4f}",
        _interval(f["auc_difference"], 4) if beside else "",
        _interval(f["log_loss_difference"], 5) if beside else "",
        f"{f['cpu_ms_per_example']:.3f}",
        f"{f['mb']:.2f}",
    ]


def _interval(values: Sequence[float], digits: int) -> str:
    low, middle, high = (f"{value:+.{digits}f}" for value in values)
    return f"{middle} ({low} to {high})"


# --- calibration ---------------------------------------------------------------------------------


def best_of_ours(results: Results) -> str | None:
    """The last of our kinds that took part: the list goes from the parts to the whole."""
    names = [name for name in OWN_TITLES if name in results.by_name]
    return names[-1] if names else None


def _calibration(every: Sequence[Results]) -> str:
    lines = []
    for results in every:
        name = best_of_ours(results)
        if name is None:
            continue
        cells = calibration.segments(results, results.by_name[name])
        shown = "; ".join(f"{c.name}: {c.said:.4f} / {c.happened:.4f} ({c.rows:,})" for c in cells)
        lines.append(row([results.data.title, shown]))
    return "\n\n".join(
        [
            "### Calibration",
            "By band (tenths of the rows by prediction), and log loss over time:",
            "![Mean prediction against rate, by band](learning-calibration.svg)",
            "![Predicted and real rate over time](learning-rates.svg)",
            "![Log loss over time](learning-time.svg)",
            "![Differences to LightGBM in AUC](learning-auc.svg)",
            "By segment, how long the user has been silent: mean prediction / rate (rows), of the "
            "last of Ebbline's contenders in the tables:",
            table(["", "quarters by silence"], lines),
        ]
    )


def pictures(every: Sequence[Results], found: dict[str, dict[str, Figures]]) -> dict[str, str]:
    """File name → SVG."""
    ours = best_of_ours(every[0])
    names = [name for name in (ours, ANCHOR) if name in every[0].by_name and name is not None]
    reliability, rates, losses, differences = [], [], [], []
    for results in every:
        title = results.data.title.replace(" (calendar reversed)", "")
        lines = [plots.Line(n, calibration.bands(results, results.by_name[n])) for n in names]
        reliability.append(plots.Panel(title, lines, diagonal=True))
        rates.append(plots.Panel(title, _rates(results, names)))
        lines = [
            plots.Line(n, calibration.loss_over_time(results, results.by_name[n])) for n in names
        ]
        losses.append(plots.Panel(title, lines))
        figures = found[results.data.name]
        shown = [name for name in OWN_TITLES if "auc_difference" in figures.get(name, {})]
        bars = [plots.Bar(name, *figures[name]["auc_difference"]) for name in shown]
        differences.append((title, bars))
    own = [name for name in OWN_TITLES if name in every[0].by_name]
    return {
        "learning-calibration.svg": plots.panels(
            "Mean prediction (across) and rate of positives (up), tenths of the rows",
            reliability,
            names,
        ),
        "learning-rates.svg": plots.panels(
            "Rate of positives and mean prediction over time (days)", rates, [*names, "happened"]
        ),
        "learning-time.svg": plots.panels("Log loss over time (days)", losses, names),
        "learning-auc.svg": plots.bars("AUC minus LightGBM's, with 95 %", differences, own),
    }


def _rates(results: Results, names: Sequence[str]) -> list[plots.Line]:
    cells = {n: calibration.over_time(results, results.by_name[n]) for n in names}
    lines = [plots.Line(n, [(float(c.name), c.said) for c in own]) for n, own in cells.items()]
    happened = [(float(c.name), c.happened) for own in list(cells.values())[:1] for c in own]
    return [*lines, plots.Line("happened", happened)]


# --- cost ----------------------------------------------------------------------------------------


def _cost(found: dict[str, dict[str, Figures]]) -> str:
    lines = []
    for name, title in TITLES.items():
        own = [figures[name] for figures in found.values() if name in figures]
        if own:
            cells = [_range(own, "learn_ms", 3), _range(own, "score_ms", 4), _range(own, "mb", 2)]
            lines.append(row([title, *cells]))
    return "\n\n".join(
        [
            "### What it costs",
            "CPU for an example learned and for a row scored, and what has to be kept; least to "
            "most over the data sets. A batch learner's retraining counts as scoring here, as it "
            "is done when a cut comes; it grows with the log, as its memory does.",
            table(["", "learn, ms", "score, ms", "MB"], lines),
        ]
    )


def _range(own: Sequence[Figures], key: str, digits: int) -> str:
    low, high = min(f[key] for f in own), max(f[key] for f in own)
    return f"{low:.{digits}f} to {high:.{digits}f}"
