"""Where things are: the folders and files of this checkout, and the environment that moves them."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT = ROOT / "dbt_project"
SAMPLE_RAW = ROOT / "data" / "raw"
DEFAULT_WAREHOUSE = ROOT / "data" / "warehouse.duckdb"


@dataclass(frozen=True)
class Settings:
    """The raw folder and the warehouse file, both absolute."""

    raw: Path
    warehouse: Path

    @classmethod
    def from_environment(cls) -> "Settings":
        """HEALTH_RAW_DIR and HEALTH_DB_PATH, or the defaults inside the checkout."""
        return cls(
            raw=Path(os.environ.get("HEALTH_RAW_DIR") or SAMPLE_RAW).resolve(),
            warehouse=Path(os.environ.get("HEALTH_DB_PATH") or DEFAULT_WAREHOUSE).resolve(),
        )

    @property
    def environment(self) -> dict[str, str]:
        """The settings as dbt reads them."""
        return {"HEALTH_RAW_DIR": str(self.raw), "HEALTH_DB_PATH": str(self.warehouse)}
