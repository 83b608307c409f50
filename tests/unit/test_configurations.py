"""What is evaluated with several configurations is published of the current one alone."""

import re
from pathlib import Path

import pytest
import yaml
from pipeline import PROJECT

MODELS = {path.stem: path for path in (PROJECT / "models").rglob("*.sql")}
REF = re.compile(r"ref\('(\w+)'\)")
# How a model keeps to one configuration: by the key, or by conditions of the current one.
KEEPS_TO_ONE = ("configuration_key", "ref('config_conditions')")


def models_by_configuration() -> set[str]:
    """Models that declare a `configuration_key`."""
    found = set()
    for path in (PROJECT / "models").rglob("_*__models.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            if any(column["name"] == "configuration_key" for column in model.get("columns", [])):
                found.add(model["name"])
    return found


def without_key() -> list[Path]:
    """Models that are of one configuration, or of none."""
    keyed = models_by_configuration()
    return [path for name, path in MODELS.items() if name not in keyed]


@pytest.mark.parametrize("path", without_key(), ids=lambda path: path.stem)
def test_what_has_no_key_keeps_to_one_configuration(path: Path) -> None:
    sql = path.read_text(encoding="utf-8")
    if models_by_configuration() & set(REF.findall(sql)):
        assert any(words in sql for words in KEEPS_TO_ONE), "nothing chooses a configuration"


def test_tables_of_one_configuration_are_of_the_current_one() -> None:
    """Who reads a `config_*` model need not think of other configurations."""
    keyed = models_by_configuration()
    for name, path in MODELS.items():
        sql = path.read_text(encoding="utf-8")
        if name.startswith("config_") and keyed & set(REF.findall(sql)):
            assert "where configuration_key = 'current'" in sql, name
