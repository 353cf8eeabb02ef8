"""What two runs of the same tests say together, and the file that lists where they may differ."""

import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
Outcomes = dict[str, str]  # by the test's name


def outcomes(report: Path) -> Outcomes:
    """Read pytest's report in JUnit's form."""
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        name = f"{case.get('classname')}.{case.get('name')}"
        found[name] = FAILED if kinds & {"failure", "error"} else SKIPPED if "skipped" in kinds else PASSED
    return found


def read_differences(path: Path) -> dict[str, str]:
    """Return the tests that only nbgrader's own engine passes, each with the reason."""
    listed = tomllib.loads(path.read_text(encoding="utf-8"))
    return {f"nbgrader.tests.{module}.{name}": why for module, tests in listed.items() for name, why in tests.items()}


def troubles(stock: Outcomes, ours: Outcomes, listed: dict[str, str]) -> list[str]:
    """Return what is wrong, a sentence each: everything that passes there passes here, or is listed and fails here."""
    if not stock:
        return ["no test was run"]
    wrong = [f"{name} ran under one of the two only" for name in sorted(stock.keys() ^ ours.keys())]
    for name in sorted(stock.keys() & ours.keys()):
        if stock[name] == PASSED and ours[name] != PASSED and name not in listed:
            wrong.append(f"{name} passes under nbgrader's engine, and {ours[name]} under ours")
    for name in listed:
        if stock.get(name) != PASSED:
            wrong.append(f"{name} is listed, but does not pass under nbgrader's engine")
        elif ours.get(name) == PASSED:
            wrong.append(f"{name} is listed, but passes under ours: remove it from the list")
    return wrong
