"""JUnit XML, as CI servers read it: suites with cases; a failure has its words."""

import xml.etree.ElementTree as ElementTree

NR_LAST_LINES = 40


def printable(text):
    """XML 1.0 has no place for control characters."""
    return "".join(letter if letter.isprintable() or letter in "\t\n" else "?" for letter in text)


def add_case(parent, classname, point):
    """@point of KTAP (tools/ktap.py)."""
    case = ElementTree.SubElement(parent, "testcase", classname=printable(classname),
                                  name=printable(point.name))
    if not point.is_ok:
        said = [printable(comment) for comment in point.comments]
        failure = ElementTree.SubElement(case, "failure", message=said[-1] if said else "")
        failure.text = "\n".join(said)
    elif point.skip_reason is not None:
        ElementTree.SubElement(case, "skipped", message=printable(point.skip_reason))


def add_suite(parent, name, counts, seconds=None):
    passed, failed, skipped = counts
    suite = ElementTree.SubElement(parent, "testsuite", name=printable(name),
                                   tests=str(passed + failed + skipped), failures=str(failed),
                                   skipped=str(skipped))
    if seconds is not None:
        suite.set("time", f"{seconds:.1f}")
    return suite


def add_log(parent, classname, log):
    """The cases of a KTAP log, a suite for each of its suites."""
    suites = {}
    for above, point in log.cases():
        suites.setdefault(".".join(above) or "top", []).append(point)
    for name, points in suites.items():
        failed = sum(not point.is_ok for point in points)
        skipped = sum(point.is_ok and point.skip_reason is not None for point in points)
        suite = add_suite(parent, name, (len(points) - failed - skipped, failed, skipped))
        for point in points:
            add_case(suite, f"{classname}.{name}", point)


def add_verdict(parent, classname, problems, last_lines=()):
    """One case that says whether the whole went well."""
    case = ElementTree.SubElement(parent, "testcase", classname=classname, name="verdict")
    if not problems:
        return
    said = [printable(problem) for problem in problems]
    failure = ElementTree.SubElement(case, "failure", message="; ".join(said))
    failure.text = "\n".join(said)
    if last_lines:
        output = ElementTree.SubElement(parent, "system-out")
        output.text = "\n".join(printable(line) for line in last_lines[-NR_LAST_LINES:])


def make_top():
    return ElementTree.Element("testsuites", name="slabstick")


def write(path, top):
    ElementTree.indent(top)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(top).write(path, encoding="utf-8", xml_declaration=True)
