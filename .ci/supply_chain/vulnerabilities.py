"""`python -m supply_chain.vulnerabilities`: look the pins up among the known vulnerabilities.

One question to the database OSV (https://osv.dev), which holds the advisories of PyPI and GitHub.
Ends with 1 when a pin has one that is not accepted below. Without a network nothing is looked up,
the output says so, and that is no failure: what was good yesterday shall not stop a change today.
"""

import sys
from collections.abc import Sequence

import requests

from supply_chain.pins import Pin, pins

URL = "https://api.osv.dev/v1/querybatch"
TIMEOUT_SECONDS = 30
# Advisories that do not concern this project, each with the reason.
ACCEPTED: dict[str, str] = {}


class NotLookedUp(Exception):
    """The database cannot be asked, or does not answer as it is described."""


def known(asked: Sequence[Pin], url: str = URL) -> dict[Pin, list[str]]:
    """The ids of the advisories of each pin that has some. Raises NotLookedUp."""
    queries = [
        {"package": {"name": pin.name, "ecosystem": "PyPI"}, "version": pin.version}
        for pin in asked
    ]
    try:
        answer = requests.post(url, json={"queries": queries}, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        results = answer.json()["results"]
        found = {
            pin: sorted(advisory["id"] for advisory in result.get("vulns", []))
            for pin, result in zip(asked, results, strict=True)
        }
    except requests.RequestException as problem:
        raise NotLookedUp(type(problem).__name__) from problem
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise NotLookedUp(f"an answer of another form: {type(problem).__name__}") from problem
    return {pin: ids for pin, ids in found.items() if ids}


def main(url: str = URL) -> int:
    """Look up and tell; the exit code."""
    asked = pins()
    try:
        found = known(asked, url)
    except NotLookedUp as problem:
        print(f"Known vulnerabilities: skipped, the database cannot be asked ({problem}).")
        return 0
    open_ones = 0
    for pin, ids in found.items():
        for advisory in ids:
            accepted = ACCEPTED.get(advisory)
            open_ones += accepted is None
            note = f"accepted: {accepted}" if accepted else f"https://osv.dev/{advisory}"
            print(f"{pin.name} {pin.version}: {advisory} ({note})")
    print(f"Known vulnerabilities of {len(asked)} pins: {open_ones} to look at.")
    return 1 if open_ones else 0


if __name__ == "__main__":
    sys.exit(main())
