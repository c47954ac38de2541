#!/usr/bin/env python3
"""Sums a ctest run: summary.py RESULTS.xml prints "N passed, N failed".

A ctest entry that runs many cases says so at its end, in the words of doctest,
of lit, or of the scripts in test/e2e, and then counts as that many. One that
fails without naming a failed case (a crash, a time-out) counts as one failure.
"""

import re
import sys
import xml.etree.ElementTree as ET

DOCTEST = re.compile(r"test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")
SCRIPT = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)
LIT = re.compile(r"^\s+([A-Z][A-Za-z ]+?)\s*:\s+(\d+)\b", re.MULTILINE)
LIT_PASSED = {"Passed", "Passed With Retry", "Expectedly Failed"}
LIT_FAILED = {"Failed", "Timed Out", "Unresolved", "Unexpectedly Passed"}
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def count_cases(output):
    """Returns (passed, failed) as the program itself counts, or None."""
    output = ESCAPES.sub("", output)
    for pattern, fields in ((DOCTEST, (2, 3)), (SCRIPT, (1, 2))):
        found = pattern.findall(output)
        if found:
            return tuple(sum(int(row[i - 1]) for row in found) for i in fields)
    if "Total Discovered Tests" in output:
        tail = LIT.findall(output[output.rindex("Total Discovered Tests") :])
        passed = sum(int(n) for name, n in tail if name in LIT_PASSED)
        failed = sum(int(n) for name, n in tail if name in LIT_FAILED)
        return passed, failed
    return None


def main():
    try:
        suite = ET.parse(sys.argv[1]).getroot()
    except (OSError, ET.ParseError) as error:
        print(f"no test results: {error}", file=sys.stderr)
        print("0 passed, 1 failed")
        return 1
    passed = failed = 0
    for case in suite.iter("testcase"):
        ok = case.get("status") == "run"
        counted = count_cases(case.findtext("system-out") or "") or (0, 0)
        if counted == (0, 0):
            counted = (1, 0) if ok else (0, 1)
        elif not ok and counted[1] == 0:
            counted = (counted[0], 1)
        if not ok:
            print(f"failed: {case.get('name')}", file=sys.stderr)
        passed += counted[0]
        failed += counted[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
