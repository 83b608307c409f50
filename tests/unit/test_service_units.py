"""The service units may touch what they need, and little else."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pipeline import ROOT
from required_programs import skip_without

UNITS = sorted((ROOT / "examples" / "service").glob("*.service"))
EXPOSURE = 2.0  # of 10, as `systemd-analyze security` counts it


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_sandboxed(unit: Path) -> None:
    lines = unit.read_text(encoding="utf-8").splitlines()
    assert {"UMask=0027", "ProtectSystem=strict", "PrivateTmp=true", "NoNewPrivileges=true"} <= {
        *lines
    }
    assert any(line.startswith("ReadWritePaths=/srv/account-health") for line in lines)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_little_exposed(unit: Path) -> None:
    if not shutil.which("systemd-analyze"):
        skip_without("there is no systemd-analyze: apt-get install systemd")
    answer = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)],
        capture_output=True,
        text=True,
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", answer.stdout)
    assert found, answer
    assert float(found[1]) <= EXPOSURE
