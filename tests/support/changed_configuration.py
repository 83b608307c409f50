"""Change a valid configuration at random into another valid one, in every file that counts."""

import csv
import random
from collections.abc import Callable
from pathlib import Path

Row = dict[str, str]
Files = dict[str, list[Row]]

WINDOWS = ("1", "3", "7", "14", "30", "90")
BANDS = (("", ""), ("7.5", "5"), ("5", "2.5"), ("9", "1"), ("6.67", "6.66"))
CONDITION_FILES = {
    "health_rules": ("threshold",),
    "score_rules": ("healthy_threshold", "poor_threshold"),
    "segment_rules": ("value",),
}


def changed_configuration(seeds: Path, target: Path, seed: int) -> None:
    """Write to `target` the configuration of `seeds`, about a third of its rows changed."""
    rng = random.Random(seed)
    headers: dict[str, list[str]] = {}
    files: Files = {}
    for path in sorted(seeds.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            files[path.stem] = list(reader)
            headers[path.stem] = list(reader.fieldnames or [])
    changes = [_windows, _names, _thresholds, _bands, _priorities, _no_data, _ranks]
    changes += [_sources, _pillar_sources, _weights, _dimensions, _rules]
    for change in rng.sample(changes, rng.randint(1, len(changes))):
        change(rng, files)
    target.mkdir(parents=True)
    for name, rows in files.items():
        with (target / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, headers[name], lineterminator="\n")
            writer.writeheader()
            writer.writerows({tuple(row.values()): row for row in rows}.values())


def _some(rng: random.Random, rows: list[Row], keep: Callable[[Row], object]) -> list[Row]:
    return [row for row in rows if keep(row) and rng.random() < 0.35]


def _windows(rng: random.Random, files: Files) -> None:
    """Other windows under the same name."""
    for row in _some(rng, files["metrics"], lambda row: row["window_days"]):
        row["window_days"] = rng.choice(WINDOWS)


def _dimensions(rng: random.Random, files: Files) -> None:
    """Metrics that count everything under the name of those that kept to some of it."""
    for row in _some(rng, files["metrics"], lambda row: row["dimension"]):
        row["dimension"] = row["dimension_values"] = ""


def _names(rng: random.Random, files: Files) -> None:
    """Metrics and attributes that are called something else: the former ones exist no more."""
    names = {row["metric_id"] for row in _some(rng, files["metrics"], lambda row: True)}
    names |= {row["attribute_id"] for row in _some(rng, files["attributes"], lambda row: True)}
    for rows in files.values():
        for row in rows:
            for column in ("metric_id", "attribute_id", "signal_id", "scaled_by"):
                if row.get(column) in names:
                    row[column] += "_renamed"


def _thresholds(rng: random.Random, files: Files) -> None:
    for name, columns in CONDITION_FILES.items():
        for row in _some(rng, files[name], lambda row: True):
            factor = None
            for column in columns:
                try:
                    number = float(row[column])
                except ValueError:
                    continue
                # The ends of a linear rule must not become the same.
                if factor is None or row.get("scoring") != "linear":
                    factor = rng.choice((0.25, 0.5, 2, 3))
                row[column] = f"{number * factor:g}"


def _rules(rng: random.Random, files: Files) -> None:
    gone = _some(rng, files["health_rules"], lambda row: True)
    files["health_rules"] = [row for row in files["health_rules"] if row not in gone]


def _bands(rng: random.Random, files: Files) -> None:
    for row in _some(rng, files["segments"], lambda row: True):
        row["good_from"], row["poor_below"] = rng.choice(BANDS)


def _priorities(rng: random.Random, files: Files) -> None:
    rows = [row for row in files["segments"] if row["is_default"] != "true"]
    priorities = rng.sample([row["priority"] for row in rows], len(rows))
    for row, priority in zip(rows, priorities, strict=True):
        row["priority"] = priority


def _no_data(rng: random.Random, files: Files) -> None:
    for row in files["pillars"]:
        row["when_no_data"] = rng.choice(("average", "not_calculated"))


def _ranks(rng: random.Random, files: Files) -> None:
    ranks = rng.sample([row["plan_rank"] for row in files["plans"]], len(files["plans"]))
    for row, rank in zip(files["plans"], ranks, strict=True):
        row["plan_rank"] = rank
    files["plans"] = files["plans"][rng.choice((0, 1)) :]


def _sources(rng: random.Random, files: Files) -> None:
    for row in files["sources"]:
        row["max_age_hours"] = rng.choice(("", "24", "720", "100000"))
        row["max_rejected_ratio"] = rng.choice(("", "0", "0.1", "1"))


def _pillar_sources(rng: random.Random, files: Files) -> None:
    files["pillar_sources"] = [row for row in files["pillar_sources"] if rng.random() < 0.5]


def _weights(rng: random.Random, files: Files) -> None:
    files["pillar_weights"] = [row for row in files["pillar_weights"] if rng.random() < 0.8]
    for row in files["pillar_weights"]:
        row["weight"] = rng.choice(("0.5", "1", "10"))
        row["cap_when_poor"] = rng.choice(("", "3", "5"))
