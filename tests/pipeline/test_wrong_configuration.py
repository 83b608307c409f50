"""A wrong configuration stops the run, says all that is wrong with it, and changes nothing.

docs/configuration.md, "Wrong configuration". Every kind of mistake is a row of its own, put into
the starter configuration; many independent ones share a run.
"""

import csv
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from pipeline import ROOT, Run, Warehouse
from time_formats import TIME_FORMATS, WRONG_TIME_FORMATS

from orchestration.dbt_runner.wrong_configuration import (
    WrongConfiguration,
    refuse_wrong_configuration,
)

STARTER = ROOT / "seeds"
# The configuration of health; the checks of the data are no part of it.
FILES = {path.stem: path for path in sorted(STARTER.glob("*.csv")) if path.stem != "checks"}
# How many of its first columns are the key of a file; all of them for the others.
KEY_LENGTHS = {
    "pillars": 1,
    "segments": 1,
    "attributes": 1,
    "metrics": 1,
    "score_rules": 3,
    "pillar_weights": 2,
    "milestones": 2,
    "alert_rules": 1,
    "plans": 1,
    "sources": 1,
}
VALID_DATE = date(2026, 3, 10)
NEXT_DATE = date(2026, 3, 11)

Cells = tuple[str, ...]
Place = tuple[str, str]


def place_of(file: str, cells: Cells) -> Place:
    """File and key by which a message names a row."""
    return f"{file}.csv", ",".join(cells[: KEY_LENGTHS.get(file)])


@dataclass(frozen=True)
class Mistake:
    """Rows of one key put into a file, and what the run has to say of them: the problem, the cure.

    `key` where the message names something else than the rows' own key; `rows` may be empty where
    other rows make a row wrong.
    """

    file: str
    rows: tuple[Cells, ...]
    problem: str
    cure: str
    key: str = ""

    @property
    def place(self) -> Place:
        return (f"{self.file}.csv", self.key) if self.key else place_of(self.file, self.rows[0])


def wrong(
    file: str, row: str, problem: str, cure: str, *, times: int = 1, key: str = ""
) -> Mistake:
    """A mistake from a row written like a line of its file, which stands there `times` times."""
    return Mistake(file, (tuple(row.split(",")),) * times if row else (), problem, cure, key)


# Columns that files gained; a mistake's row may leave them out.
LATER_COLUMNS = (
    *("settle_days", "attribute_name", "metric_name", "scoring"),
    *("base_metric", "peer_attribute"),
)
NUMBERS_TAKE = "Numbers take = != > >= < <= in not_in."
TEXTS_TAKE = "Texts take = != in not_in."
TAGS_TAKE = "Tags take = != in not_in."
BOOLEANS_TAKE = "Booleans take = and !=."
WRITE_A_NUMBER = "Write a number"
FILL_BOTH = "Fill both or neither."
KEEP_ONE = "Keep one of them."
KNOWN = "Known are: "
ABOVE_ZERO = "It must be a number above 0."

UNKNOWN_NAMES = (
    wrong("segment_rules", "nowhere,1,mrr,>,1", "segment nowhere, which is unknown", KNOWN),
    wrong("segment_rules", "strategic,2,mmr,>,1", "signal mmr, which is unknown", KNOWN),
    wrong("metrics", "odd_pillar,happiness,mrr,,,,,", "pillar happiness", "product_adoption"),
    wrong("metrics", "odd_measure,financial,profit,30,,,,", "measure profit", "amount_paid"),
    wrong("health_rules", "nobody,service,good,1,mrr,>,1,", "segment nobody", "enterprise"),
    wrong("health_rules", "standard,support,good,1,mrr,>,1,", "pillar support", "service"),
    wrong("health_rules", "standard,service,good,9,ticket,>,1,", "signal ticket", "open_tickets"),
    wrong("score_rules", "Standard,service,mrr,1,>,1,,,", "segment Standard", "standard"),
    wrong("score_rules", "standard,Service,mrr,1,>,1,,,", "pillar Service", "service"),
    wrong("score_rules", "standard,service,MRR,1,>,1,,,", "signal MRR", "mrr"),
    wrong("pillar_weights", "nobody,service,1,", "segment nobody", KNOWN),
    wrong("pillar_weights", "expansion_candidates,support,1,", "pillar support", KNOWN),
    wrong("milestones", "nobody,step,Step,1,mrr,>,1,", "segment nobody", KNOWN),
    wrong("milestones", "standard,odd_signal,Step,1,logins,>,1,", "signal logins", KNOWN),
    wrong("alert_rules", "odd_pillar,support,,poor,,,,high,call", "pillar support", "overall"),
    wrong("alert_rules", "odd_segment,overall,,poor,,,nobody,high,call", "segment nobody", KNOWN),
    wrong("sources", "logins,24,", "raw table logins", "account_attributes"),
    wrong("pillar_sources", "support,events", "pillar support", KNOWN),
    wrong("pillar_sources", "service,event", "raw table event", "events"),
)
UNKNOWN_WORDS = (
    wrong("pillars", "odd_state,Odd,9,poor", "`when_no_data` is poor", "average, not_calculated"),
    wrong("segments", "odd_default,Odd,20,perhaps,,,", "`is_default` is perhaps", "true, false"),
    wrong("attributes", "odd_type,date,,", "`value_type` is date", "number, text, boolean"),
    wrong("health_rules", "standard,service,average,1,mrr,>,1,", "is average", "good, poor"),
    wrong("alert_rules", "odd_from,overall,bad,poor,,,,high,call", "`from_state` is bad", "good"),
    wrong("alert_rules", "odd_to,overall,good,worse,,,,high,call", "`to_state` is worse", "poor"),
)
OPERATORS = (
    wrong("segment_rules", "strategic,3,mrr,=>,1", "operator `=>`", NUMBERS_TAKE),
    wrong("segment_rules", "strategic,4,industry,>,retail", "which is text", TEXTS_TAKE),
    wrong("segment_rules", "strategic,5,tag,>=,vip", "signal tag", TAGS_TAKE),
    wrong("segment_rules", "strategic,6,is_seasonal,in,true|false", "is boolean", BOOLEANS_TAKE),
    wrong("health_rules", "standard,service,good,9,mrr,IN,1|2,", "operator `IN`", NUMBERS_TAKE),
    wrong("health_rules", "standard,service,poor,9,plan_id,<,team,", "operator `<`", TEXTS_TAKE),
    wrong("score_rules", "standard,service,region,1,>=,EU,,,", "operator `>=`", TEXTS_TAKE),
    wrong("score_rules", "standard,service,csm_email,1,,,like,a,", "operator `like`", TEXTS_TAKE),
    wrong("milestones", "standard,odd,Odd,9,is_seasonal,>,true,", "is boolean", BOOLEANS_TAKE),
)
THRESHOLDS = (
    wrong("segment_rules", "strategic,7,mrr,>,much", "`value` is much", WRITE_A_NUMBER),
    wrong("segment_rules", "strategic,8,mrr,>,", "`value` is empty", "Fill it."),
    wrong("segment_rules", "strategic,9,mrr,in,1|two|3", "1|two|3", WRITE_A_NUMBER),
    wrong("segment_rules", "strategic,10,mrr,not_in,|", "`value` is |", WRITE_A_NUMBER),
    wrong("segment_rules", "strategic,13,tag,in,|", "`value` is |", "separated by `|`"),
    wrong("health_rules", "standard,service,poor,8,region,not_in,| |,", "is | |", "separated by"),
    wrong("segment_rules", "strategic,11,is_seasonal,=,yes", "`value` is yes", "true or false"),
    wrong("segment_rules", "strategic,12,account_age_days,>,nan", "is nan", WRITE_A_NUMBER),
    wrong("health_rules", "standard,service,good,8,mrr,>,1 000,", "is 1 000", WRITE_A_NUMBER),
    wrong("health_rules", "standard,service,good,7,mrr,>,,", "`threshold` is empty", "Fill it."),
    wrong("health_rules", "standard,service,good,6,tag,=,,", "`threshold` is empty", "Fill it."),
    wrong("score_rules", "standard,financial,seats,1,>,ten,,,", "is ten", WRITE_A_NUMBER),
    wrong("score_rules", "standard,financial,mrr,1,>=,5,<,low,", "is low", WRITE_A_NUMBER),
    wrong("score_rules", "standard,financial,plan_rank,1,>=,,,,", "`healthy_threshold`", "Fill it"),
    wrong("score_rules", "standard,external,pulse_90d,1,,3,<,2,", "`healthy_operator`", "Fill it"),
    wrong("milestones", "standard,no_number,Odd,9,mrr,>,much,", "is much", WRITE_A_NUMBER),
    wrong("milestones", "standard,no_threshold,Odd,9,mrr,>,,", "`threshold` is empty", "Fill it."),
)
SCALES = (
    wrong("health_rules", "standard,service,good,5,mrr,in,1|2,seats", "`scaled_by`", "Empty it"),
    wrong("health_rules", "standard,service,good,4,mrr,not_in,1,seats", "`scaled_by`", "Empty it"),
    wrong("score_rules", "standard,service,seats,1,in,1,,,mrr", "`scaled_by`", "Empty it"),
    wrong("milestones", "standard,listed,Odd,9,mrr,in,1,seats", "`scaled_by`", "Empty it"),
    wrong("health_rules", "standard,service,good,3,mrr,>,1,industry", "industry", "Name a metric"),
    wrong("health_rules", "standard,service,poor,8,mrr,>,1,tag", "names tag", "Name a metric"),
    wrong("score_rules", "standard,external,mrr,1,>,1,,,is_seasonal", "no number", "Name a metric"),
    wrong("milestones", "standard,scaled,Odd,9,mrr,>,1,sets", "names sets", "Name a metric"),
)
LINEAR = (
    wrong("score_rules", "standard,financial,events_30d,1,square,,9,,1,", "is square", "linear"),
    wrong("score_rules", "standard,financial,reopens_30d,1,linear,>=,9,,1,", "operator", "Empty"),
    wrong("score_rules", "standard,financial,open_tickets,1,linear,,9,<,1,", "operator", "Empty"),
    wrong("score_rules", "standard,financial,nps_180d,1,linear,,9,,,", "without both", "Fill"),
    wrong("score_rules", "standard,financial,nps_latest,1,linear,,,,,", "without both", "Fill"),
    wrong("score_rules", "standard,financial,pulse_90d,1,linear,,9,,9.0,", "the same", "better"),
    wrong(
        "score_rules", "standard,external,nps_180d,1,linear,,9,,9.0000001,", "the same", "better"
    ),
    wrong("score_rules", "standard,financial,tag,1,linear,,9,,1,", "which is no number", "Name a"),
    wrong("score_rules", "standard,financial,region,1,linear,,9,,1,", "is no number", "Name a"),
    wrong(
        "score_rules", "standard,financial,is_seasonal,1,linear,,9,,1,", "is no number", "Name a"
    ),
    wrong("score_rules", "standard,financial,risk_tags,1,linear,,9,,no,", "is no", WRITE_A_NUMBER),
    wrong("score_rules", "standard,external,qbrs_180d,1,linear,,9,,1,tag", "names tag", "Name a"),
)
SCORES_AND_WEIGHTS = (
    wrong("score_rules", "standard,service,open_tickets,1,,,,,", "neither", "healthy_operator"),
    wrong("score_rules", "standard,service,plan_rank,0,>,1,,,", "`weight` is 0", ABOVE_ZERO),
    wrong("score_rules", "standard,service,risk_tags,-1,>,1,,,", "`weight` is -1", ABOVE_ZERO),
    wrong("score_rules", "standard,service,overdue_amount,,>,1,,,", "is empty", "Fill it."),
    wrong("score_rules", "standard,service,days_overdue,heavy,>,1,,,", "is heavy", ABOVE_ZERO),
    wrong("pillar_weights", "expansion_candidates,service,0,", "`weight` is 0", ABOVE_ZERO),
    wrong("pillar_weights", "expansion_candidates,external,-0.5,", "is -0.5", ABOVE_ZERO),
    wrong("pillar_weights", "expansion_candidates,financial,,", "is empty", "Fill it."),
    wrong("segments", "equal_bands,Odd,21,false,5,5,", "`good_from` is not above", "6.66 and 3.34"),
    wrong("segments", "swapped_bands,Odd,22,false,2,8,", "`good_from` is not above", "6.66"),
    wrong("segments", "half_bands,Odd,23,false,3.34,,", "`good_from` is not above", "3.34"),
)
SETTLE_DAYS = tuple(
    wrong(
        "segments", f"{name},Odd,{priority},false,,,{cell},", f"`settle_days` is {cell}", "0 to 60"
    )
    for name, priority, cell in (
        ("part_of_a_day", 40, "1.5"),
        ("before_it_is", 41, "-1"),
        ("too_long", 42, "61"),
        ("no_number", 43, "three"),
    )
)
METRICS = (
    wrong("metrics", "no_window,service,reopens,,,,,", "needs a window", "Fill `window_days`."),
    wrong("metrics", "surplus_window,financial,seats,30,,,,", "no window", "Empty `window_days`."),
    wrong("metrics", "zero_window,service,reopens,0,,,,", "`window_days` is 0", "1 to 36500"),
    wrong("metrics", "half_window,service,reopens,1.5,,,,", "`window_days` is 1.5", "whole number"),
    wrong("metrics", "odd_window,service,reopens,month,,,,", "is month", "whole number"),
    wrong("metrics", "no_values,service,open_tickets,,priority,,,", "`dimension`", FILL_BOTH),
    wrong("metrics", "blank_values,service,open_tickets,,priority,|,,", "`dimension`", FILL_BOTH),
    wrong("metrics", "no_dimension,service,open_tickets,,,low,,", "`dimension_values`", FILL_BOTH),
    wrong("metrics", "undivided,financial,mrr,,module,core,,", "no dimension module", "none"),
    wrong("metrics", "misdivided,service,open_tickets,,module,core,,", "module", "priority"),
    wrong("metrics", "odd_dimension,service,open_tickets,,colour,red,,", "colour", "priority"),
)
AMBIGUOUS_NAMES = (
    wrong("metrics", "is_seasonal,financial,mrr,,,,,", "more than one signal", "Rename"),
    wrong("attributes", "industry,text,,", "more than one signal", "Rename"),
    wrong("attributes", "tag,text,,", "more than one signal", "Rename"),
    wrong("metrics", "account_age_days,financial,mrr,,,,,", "more than one signal", "Rename"),
)
REPEATED_KEYS = (
    wrong("pillars", "twin,Twin,9,average", "2 rows with this key", KEEP_ONE, times=2),
    wrong("segments", "twin,Twin,24,false,,,", "2 rows with this key", KEEP_ONE),
    wrong("segments", "twin,Twin,25,false,,,", "2 rows with this key", KEEP_ONE),
    wrong("segment_rules", "strategic,13,mrr,>,1", "3 rows with this key", KEEP_ONE, times=3),
    wrong("attributes", "twin,text,,", "2 rows with this key", KEEP_ONE, times=2),
    wrong("metrics", "twin,financial,mrr,,,,,", "2 rows with this key", KEEP_ONE, times=2),
    wrong("health_rules", "standard,service,good,2,mrr,>,1,seats", "2 rows", KEEP_ONE, times=2),
    wrong("health_rules", "standard,service,good,2,mrr,>,2,", "2 rows", KEEP_ONE, times=2),
    wrong("score_rules", "standard,service,mrr,1,>,1,,,", "2 rows", KEEP_ONE),
    wrong("score_rules", "standard,service,mrr,2,>,2,,,", "2 rows", KEEP_ONE),
    wrong("pillar_weights", "expansion_candidates,relationship,1,", "2 rows", KEEP_ONE),
    wrong("pillar_weights", "expansion_candidates,relationship,2,5", "2 rows", KEEP_ONE),
    wrong("milestones", "standard,twin,Twin,8,mrr,>,1,", "2 rows", KEEP_ONE),
    wrong("milestones", "standard,twin,Twin,9,mrr,>,2,", "2 rows", KEEP_ONE),
    wrong("alert_rules", "twin,overall,,poor,,,,high,call", "2 rows", KEEP_ONE, times=2),
    wrong("plans", "twin,Twin,9", "2 rows", KEEP_ONE, times=2),
    wrong("sources", "events,1,", "2 rows", KEEP_ONE),
    wrong("pillar_sources", "service,tickets", "2 rows", KEEP_ONE),
)
SEGMENTS = (
    wrong("segments", "rival_a,Rival,30,false,,,", "priority 30", "own priority", key="rival_a"),
    wrong("segments", "rival_b,Rival,30.0,false,,,", "rival_a, rival_b", "own", key="rival_a"),
    wrong("segments", "default_too,Default,99,true,,,", "more than one", "one", key="is_default"),
    wrong("segments", "", "default segment is not the last", "highest number", key="standard"),
    wrong("segment_rules", "standard,1,mrr,>,1", "the default segment has a rule", "Remove it"),
)
MANY_MISTAKES = (
    *UNKNOWN_NAMES,
    *UNKNOWN_WORDS,
    *OPERATORS,
    *THRESHOLDS,
    *SCALES,
    *LINEAR,
    *SCORES_AND_WEIGHTS,
    *SETTLE_DAYS,
    *METRICS,
    *AMBIGUOUS_NAMES,
    *REPEATED_KEYS,
    *SEGMENTS,
)


@dataclass
class Configuration:
    """The starter configuration, to be changed and written."""

    tables: dict[str, list[Cells]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, path in FILES.items():
            with path.open(encoding="utf-8", newline="") as file:
                self.tables[name] = [tuple(cells) for cells in csv.reader(file)]

    def add(self, mistakes: tuple[Mistake, ...]) -> None:
        for mistake in mistakes:
            header = self.tables[mistake.file][0]
            rows = [with_later_columns(row, header) for row in mistake.rows]
            assert all(len(row) == len(header) for row in rows), mistake
            self.tables[mistake.file] += rows

    def drop_column(self, name: str, column: str) -> None:
        position = self.tables[name][0].index(column)
        self.tables[name] = [
            cells[:position] + cells[position + 1 :] for cells in self.tables[name]
        ]

    def turn_columns(self, name: str) -> None:
        self.tables[name] = [cells[::-1] for cells in self.tables[name]]

    def write(self, folder: Path) -> Path:
        folder.mkdir()
        for name, lines in self.tables.items():
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(lines)
        return folder


def with_later_columns(row: Cells, header: Cells) -> Cells:
    """A row that lacks the columns that a file gained, with empty cells in their places."""
    if len(row) == len(header):
        return row
    cells = iter(row)
    return tuple("" if name in LATER_COLUMNS else next(cells) for name in header)


def listed(text: str) -> list[tuple[Place, str]]:
    """((file, key), what is said of it), one for each line of a list of mistakes."""
    pattern = re.compile(r"\s*- seeds/(\w+\.csv) \[(.*?)\]: (.+)")
    matches = map(pattern.fullmatch, text.splitlines())
    return [((match[1], match[2]), match[3]) for match in matches if match]


@dataclass(frozen=True)
class Answer:
    """A run with a wrong configuration: what it said, place by place."""

    seeds: Path
    run: Run
    was_published: dict[str, list[tuple]]
    is_published: dict[str, list[tuple]]

    @property
    def listed(self) -> list[tuple[Place, str]]:
        """((file, key), what is said of it), one for each line of the list."""
        return listed(self.run.output)

    def says(self, mistake: Mistake) -> bool:
        return any(
            place == mistake.place and mistake.problem in text and mistake.cure in text
            for place, text in self.listed
        )


def published(warehouse: Warehouse) -> dict[str, list[tuple]]:
    """All rows of everything in schema `health`."""
    names = warehouse.query(
        "select table_name from information_schema.tables where table_schema = 'health'"
    )
    return warehouse.contents(*(name for (name,) in names))


@pytest.fixture(scope="module")
def calculated(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A tiny world, calculated with the starter configuration."""
    folder = tmp_path_factory.mktemp("wrong_configuration")
    raw = folder / "raw"
    raw.mkdir()
    (raw / "accounts.csv").write_text(
        "account_id,account_name,created_at\na,Alpha,2025-06-01\nb,Beta,2026-03-09\n"
    )
    (raw / "events.csv").write_text(
        "event_id,account_id,feature,occurred_at,user_id\n1,a,login,2026-03-08 09:00,u\n"
    )
    warehouse = Warehouse(folder / "warehouse.duckdb", raw, STARTER)
    warehouse.calculate(VALID_DATE)
    return warehouse


def answer(calculated: Warehouse, configuration: Configuration, name: str) -> Answer:
    """Run the next date with a wrong configuration."""
    seeds = configuration.write(calculated.path.parent / name)
    before = published(calculated)
    run = Warehouse(calculated.path, calculated.raw, seeds).build(NEXT_DATE)
    return Answer(seeds, run, before, published(calculated))


@pytest.fixture(scope="module")
def many(calculated: Warehouse) -> Answer:
    configuration = Configuration()
    configuration.add(MANY_MISTAKES)
    return answer(calculated, configuration, "many")


@pytest.fixture(scope="module")
def without_default(calculated: Warehouse) -> Answer:
    configuration = Configuration()
    configuration.tables["segments"] = [
        tuple("false" if cell == "true" else cell for cell in cells)
        for cells in configuration.tables["segments"]
    ]
    return answer(calculated, configuration, "without_default")


MISSING_COLUMNS = (
    ("pillar_weights", "cap_when_poor"),
    ("health_rules", "scaled_by"),
    ("score_rules", "weight"),
)


@pytest.fixture(scope="module")
def without_columns(calculated: Warehouse) -> Answer:
    configuration = Configuration()
    for name, column in MISSING_COLUMNS:
        configuration.drop_column(name, column)
    return answer(calculated, configuration, "without_columns")


def test_every_starter_file_is_valid(calculated: Warehouse) -> None:
    assert len(FILES) == 14
    assert calculated.query("select * from configuration.config_errors") == []
    for name, path in FILES.items():
        with path.open(encoding="utf-8", newline="") as file:
            rows = sum(1 for _ in csv.DictReader(file))
        assert calculated.query(f"select count(*) from configuration.{name}") == [(rows,)]


def test_the_tiny_world_has_health(calculated: Warehouse) -> None:
    """Without rows, that nothing changes would say nothing."""
    rows = calculated.query("select account_id, health_date from health.account_health order by 1")
    assert rows == [("a", VALID_DATE), ("b", VALID_DATE)]


@pytest.mark.parametrize(
    "mistake", MANY_MISTAKES, ids=lambda mistake: "-".join((*mistake.place, mistake.problem))
)
def test_each_mistake_is_named_with_its_cure(many: Answer, mistake: Mistake) -> None:
    said = [text for place, text in many.listed if place == mistake.place]
    assert many.says(mistake), f"{mistake.place}: {said}"


def test_no_innocent_row_is_named(many: Answer) -> None:
    innocent = {
        place_of(name, cells) for name, lines in Configuration().tables.items() for cells in lines
    } - {mistake.place for mistake in MANY_MISTAKES}
    assert not innocent & {place for place, _ in many.listed}


def test_the_number_of_mistakes_is_given(many: Answer) -> None:
    assert f"The configuration is wrong in {len(many.listed)} place(s)" in many.run.output


def test_no_default_segment_is_a_mistake(without_default: Answer) -> None:
    assert [place for place, _ in without_default.listed] == [("segments.csv", "is_default")]
    assert "no segment is the default" in without_default.listed[0][1]
    assert "for exactly one segment, the last" in without_default.listed[0][1]


@pytest.mark.parametrize(("name", "column"), MISSING_COLUMNS)
def test_a_missing_column_is_a_mistake(without_columns: Answer, name: str, column: str) -> None:
    said = dict(without_columns.listed).get((f"{name}.csv", "header"), without_columns.run.output)
    assert f"`{column}` is missing" in said
    assert "Add it" in said


def test_a_file_without_its_later_columns_is_the_same_configuration(
    calculated: Warehouse, tmp_path: Path
) -> None:
    """They read as empty, and a folder made before runs on."""
    configuration = Configuration()
    dropped: list[str] = []
    for name, lines in configuration.tables.items():
        for column in set(LATER_COLUMNS) & set(lines[0]):
            place = lines[0].index(column)
            if not any(cells[place] for cells in lines[1:]):
                configuration.drop_column(name, column)
                dropped.append(column)
    assert {"scoring", "settle_days", "base_metric"} <= set(dropped)
    versions = calculated.contents("health_config_versions")
    warehouse = Warehouse(calculated.path, calculated.raw, configuration.write(tmp_path / "seeds"))
    warehouse.calculate(VALID_DATE)
    assert warehouse.contents("health_config_versions") == versions


@pytest.mark.parametrize("name", ["many", "without_default", "without_columns"])
def test_a_wrong_configuration_changes_nothing(name: str, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(name)
    assert result.run.exit_code != 0
    assert result.is_published == result.was_published


@pytest.mark.parametrize("name", ["many", "without_default", "without_columns"])
def test_what_dbt_would_say_is_told_before(name: str, request: pytest.FixtureRequest) -> None:
    """By the same rules, and in the same words."""
    answer = request.getfixturevalue(name)
    with pytest.raises(WrongConfiguration) as told:
        refuse_wrong_configuration(answer.seeds)
    assert listed(told.value.message) == answer.listed
    assert told.value.message.splitlines()[0] in answer.run.output


def test_what_dbt_takes_is_not_refused_before(tmp_path: Path) -> None:
    refuse_wrong_configuration(STARTER)
    configuration = Configuration()
    for name in FILES:
        configuration.turn_columns(name)
    refuse_wrong_configuration(configuration.write(tmp_path / "turned"))


def test_a_column_that_a_file_gained_may_be_missing(tmp_path: Path) -> None:
    """test_reruns.py calculates with files that lack them."""
    configuration = Configuration()
    dropped = [
        (name, column)
        for name, lines in configuration.tables.items()
        for column in LATER_COLUMNS
        if column in lines[0]
    ]
    assert sorted(column for _, column in dropped) == sorted(LATER_COLUMNS)
    for name, column in dropped:
        configuration.drop_column(name, column)
    refuse_wrong_configuration(configuration.write(tmp_path / "seeds"))


# Metrics that compare another one: cells of a row, what is wrong with it, and the cure.
COMPARISONS = (
    ("measure=metric_change,window_days=7", "needs a base metric", "Fill `base_metric`."),
    ("measure=peer_deviation", "needs a base metric", "Fill `base_metric`."),
    ("measure=mrr,base_metric=seats", "takes no base metric", "Empty `base_metric`."),
    ("measure=peer_deviation,base_metric=logins", "metric logins, which is unknown", "seats"),
    ("measure=peer_deviation,base_metric=_mrr", "metric _mrr, which is unknown", "seats"),
    ("measure=peer_deviation,base_metric=plan_id", "metric plan_id, which is unknown", "seats"),
    ("measure=metric_change,base_metric=seats", "needs a window", "Fill `window_days`."),
    ("measure=metric_change_ratio,base_metric=seats", "needs a window", "Fill `window_days`."),
    (
        "measure=metric_change,base_metric=seats,window_days=0",
        "`window_days` is 0",
        "1 to 36500",
    ),
    (
        "measure=peer_deviation,base_metric=seats,window_days=7",
        "takes no window",
        "Empty `window_days`.",
    ),
    (
        "measure=peer_deviation,base_metric=seats,dimension=module,dimension_values=core",
        "no dimension module",
        "none",
    ),
    (
        "measure=peer_deviation,base_metric=compares_already",
        "`base_metric` compares_already compares a metric itself",
        "counted from records",
    ),
    (
        "metric_id=of_itself,measure=metric_change,window_days=7,base_metric=of_itself",
        "`base_metric` of_itself compares a metric itself",
        "counted from records",
    ),
    (
        "measure=metric_change,window_days=7,base_metric=seats,peer_attribute=region",
        "takes no peer attribute",
        "Empty `peer_attribute`.",
    ),
    ("measure=mrr,peer_attribute=region", "takes no peer attribute", "Empty `peer_attribute`."),
    (
        "measure=peer_deviation,base_metric=seats,peer_attribute=country",
        "signal country, which is unknown",
        "region",
    ),
    (
        "measure=peer_deviation,base_metric=seats,peer_attribute=strategic",
        "signal strategic, which is unknown",
        "region",
    ),
    *(
        (
            f"measure=peer_deviation,base_metric=seats,peer_attribute={signal}",
            f"`peer_attribute` {signal} is neither a text nor a boolean",
            "such as `region`",
        )
        for signal in ("integrations_live", "account_age_days", "mrr", "tag")
    ),
)


def with_metrics(*rows: str) -> Configuration:
    """The starter configuration with more metrics, each by its cells."""
    configuration = Configuration()
    lines = configuration.tables["metrics"]
    for column in ("base_metric", "peer_attribute"):
        if column not in lines[0]:
            lines[:] = [(*cells, column if cells is lines[0] else "") for cells in lines]
    for number, row in enumerate(rows):
        cells = {"metric_id": f"metric_{number}", "pillar_id": "service"}
        cells |= dict(cell.split("=") for cell in row.split(","))
        assert set(cells) <= set(lines[0])
        lines.append(tuple(cells.get(column, "") for column in lines[0]))
    return configuration


def test_wrong_comparisons_of_metrics_are_named_with_their_cure(tmp_path: Path) -> None:
    valid = "metric_id=compares_already,measure=metric_change,window_days=7,base_metric=seats"
    rows = [cells for cells, _, _ in COMPARISONS]
    with pytest.raises(WrongConfiguration) as told:
        refuse_wrong_configuration(with_metrics(*rows, valid).write(tmp_path / "seeds"))
    said = listed(told.value.message)
    for number, (cells, problem, cure) in enumerate(COMPARISONS):
        key = "of_itself" if "of_itself" in cells else f"metric_{number}"
        texts = [text for place, text in said if place == ("metrics.csv", key)]
        assert any(problem in text and cure in text for text in texts), (cells, texts)
        assert len(texts) == 1, texts
    assert len(said) == len(COMPARISONS)


def test_what_a_metric_may_compare_is_not_refused(tmp_path: Path) -> None:
    shared = ("region", "plan_id", "parent_account_id", "is_seasonal")
    comparisons = (
        "measure=metric_change,window_days=7,base_metric=seats",
        "measure=metric_change_ratio,window_days=1,base_metric=event_change_ratio_28d",
        "measure=peer_deviation,base_metric=seats",
        *(f"measure=peer_deviation,base_metric=seats,peer_attribute={name}" for name in shared),
    )
    refuse_wrong_configuration(with_metrics(*comparisons).write(tmp_path / "seeds"))


def with_time_formats(*formats: str) -> Configuration:
    """The starter configuration with formats of a raw column."""
    configuration = Configuration()
    configuration.tables["raw_values"] += [
        ("tickets", "created_at", "", time_format, "") for time_format in formats
    ]
    return configuration


def test_wrong_formats_of_times_are_named_with_the_codes_that_there_are(tmp_path: Path) -> None:
    configuration = with_time_formats(*WRONG_TIME_FORMATS, *TIME_FORMATS)
    with pytest.raises(WrongConfiguration) as told:
        refuse_wrong_configuration(configuration.write(tmp_path / "seeds"))
    said = listed(told.value.message)
    assert [place for place, _ in said] == [
        ("raw_values.csv", f"tickets,created_at,,{time_format}")
        for time_format in sorted(WRONG_TIME_FORMATS)
    ]
    codes = "%Y %y %m %b %B %d %j %a %A %H %I %p %M %S %f %z %c %x %X %T %%"
    assert all(f"codes are {codes}." in text for _, text in said)


def test_formats_of_times_are_not_refused(tmp_path: Path) -> None:
    refuse_wrong_configuration(with_time_formats(*TIME_FORMATS).write(tmp_path / "seeds"))


def test_what_cannot_be_read_is_left_to_dbt(tmp_path: Path) -> None:
    seeds = Configuration().write(tmp_path / "seeds")
    (seeds / "pillars.csv").write_bytes(b"pillar_id,when_no_data\n\xff\xfe,average\n")
    refuse_wrong_configuration(seeds)
    (seeds / "pillars.csv").unlink()
    refuse_wrong_configuration(seeds)


RUN = """
import functools, sys
from datetime import date
from pathlib import Path
import click
from orchestration.base import settings
from orchestration.console import in_process

in_process.refuse_wrong_configuration = functools.partial(
    in_process.refuse_wrong_configuration, Path(sys.argv[1])
)
try:
    in_process.run_job(settings.Settings.from_environment(), date(2026, 3, 11), date(2026, 3, 11))
except click.ClickException as problem:
    print(problem.message)
print("loaded:", sorted({"dagster", "great_expectations", "dbt.cli"} & set(sys.modules)))
"""


def test_a_run_tells_it_before_anything_is_loaded(tmp_path: Path) -> None:
    configuration = Configuration()
    configuration.add(UNKNOWN_NAMES[:1])
    seeds = configuration.write(tmp_path / "seeds")
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(seeds)],
        cwd=ROOT,
        env={**os.environ, "HEALTH_DB_PATH": str(tmp_path / "warehouse.duckdb")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "segment nowhere, which is unknown" in run.stdout
    assert "loaded: []" in run.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["seeds"], "nothing is written"


# The environment of a run, and words of the message that it has to give.
WRONG_DATES = (
    ({"HEALTH_DATE": "2026-13-01"}, "'2026-13-01' is no health date; write it as 2026-11-22."),
    ({"HEALTH_DATE": "2026-02-30"}, "'2026-02-30' is no health date; write it as 2026-11-22."),
    (
        {"HEALTH_START_DATE": "2026-03-12", "HEALTH_END_DATE": "2026-03-11"},
        "start_date 2026-03-12 is after end_date 2026-03-11",
    ),
    ({"HEALTH_START_DATE": "2026-03-11"}, "A range needs both start_date and end_date"),
)


@pytest.mark.parametrize(("dates", "message"), WRONG_DATES)
def test_wrong_dates_give_one_clear_line(
    calculated: Warehouse, dates: dict[str, str], message: str
) -> None:
    before = published(calculated)
    nothing_asked = {"HEALTH_DATE": "", "HEALTH_START_DATE": "", "HEALTH_END_DATE": ""}
    run = calculated.build(NEXT_DATE, environment=nothing_asked | dates)
    assert run.exit_code != 0
    assert any(message in line for line in run.output.splitlines()), run.output
    assert published(calculated) == before


def test_columns_may_stand_in_another_order(calculated: Warehouse) -> None:
    """Read by their names: the same configuration, also in a warehouse that has it already."""
    configuration = Configuration()
    for name in FILES:
        configuration.turn_columns(name)
    seeds = configuration.write(calculated.path.parent / "turned")
    Warehouse(calculated.path, calculated.raw, seeds).calculate(VALID_DATE)
    versions = calculated.query("select count(*) from health.health_config_versions")
    assert versions == [(1,)]
