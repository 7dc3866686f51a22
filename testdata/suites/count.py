#!/usr/bin/env python3
"""Prints how many tests of a JUnit report passed and how many failed: count.py REPORT"""

import sys
import xml.etree.ElementTree

suites = xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testsuite")
counts = [{key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")} for suite in suites]
failed = sum(count["failures"] + count["errors"] for count in counts)
print(sum(count["tests"] - count["skipped"] for count in counts) - failed, failed)
