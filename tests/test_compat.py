"""`make compat` compares two runs of nbgrader's tests: what it reads, and what it finds wrong."""

import pytest
from compat.verdict import outcomes, read_differences, troubles
from submissions import ROOT

REPORT = """<testsuites><testsuite>
<testcase classname="nbgrader.tests.apps.test_a.TestA" name="test_one" />
<testcase classname="nbgrader.tests.apps.test_a.TestA" name="test_two[x]"><failure message="no" /></testcase>
<testcase classname="nbgrader.tests.apps.test_a" name="test_three"><error message="no" /></testcase>
<testcase classname="nbgrader.tests.apps.test_a" name="test_four"><skipped /></testcase>
</testsuite></testsuites>"""


def test_a_report_is_read_test_by_test(tmp_path):
    (tmp_path / "report.xml").write_text(REPORT)
    assert outcomes(tmp_path / "report.xml") == {
        "nbgrader.tests.apps.test_a.TestA.test_one": "passed",
        "nbgrader.tests.apps.test_a.TestA.test_two[x]": "failed",
        "nbgrader.tests.apps.test_a.test_three": "failed",
        "nbgrader.tests.apps.test_a.test_four": "skipped",
    }


def test_every_listed_difference_names_a_test_of_nbgraders_and_has_a_reason():
    from importlib import import_module

    for name, why in read_differences(ROOT / "tests" / "compat" / "differences.toml").items():
        module, group, test = name.rsplit(".", 2)
        assert hasattr(getattr(import_module(module), group), test)
        assert why.strip()


@pytest.mark.parametrize(
    ("stock", "ours", "listed", "wrong"),
    [
        ("passed", "passed", False, ""),
        ("failed", "failed", False, ""),
        ("skipped", "skipped", False, ""),
        ("failed", "passed", False, ""),
        ("passed", "failed", True, ""),
        ("passed", "failed", False, "passes under nbgrader's engine, and failed under ours"),
        ("passed", "skipped", False, "passes under nbgrader's engine, and skipped under ours"),
        ("passed", "passed", True, "is listed, but passes under ours"),
        ("failed", "failed", True, "is listed, but does not pass under nbgrader's engine"),
    ],
)
def test_what_differs_is_listed_and_what_is_listed_differs(stock, ours, listed, wrong):
    found = troubles({"t": stock, "u": "passed"}, {"t": ours, "u": "passed"}, {"t": "why"} if listed else {})
    assert [wrong in sentence for sentence in found] == ([True] if wrong else [])


def test_tests_that_ran_once_or_not_at_all_are_wrong():
    assert troubles({"t": "passed", "u": "passed"}, {"t": "passed"}, {}) == ["u ran under one of the two only"]
    assert troubles({}, {}, {}) == ["no test was run"]
    (sentence,) = troubles({"t": "passed"}, {"t": "passed"}, {"gone": "why"})
    assert sentence == "gone is listed, but does not pass under nbgrader's engine"
