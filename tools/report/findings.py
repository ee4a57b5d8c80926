"""What the firmware gets wrong: each finding with its sentence and what it means for the owner."""

import pathlib
import re

from .markup import escape, section, tag, text

LIST = pathlib.Path(__file__).resolve().parent.parent.parent / "efi" / "FINDINGS.md"
ROW = re.compile(r"^\| `(\w+)` \| \w+ \| (.+) \|$", re.MULTILINE)


def meanings():
    """{label: what it means for the owner}"""
    return dict(ROW.findall(LIST.read_text(encoding="utf-8"))) if LIST.is_file() else {}


def card(row, meaning):
    label, severity = row.get("label", "?"), row.get("severity", "info")
    return tag("div", tag("h3", tag("span", escape(severity), class_=f"badge {severity}"), " ",
                          text(label)),
               tag("p", text(row["text"])) if row.get("text") else "",
               tag("p", tag("b", "For you: "), text(meaning)) if meaning else "", class_="card")


def render(facts):
    rows, known = facts.findings(), meanings()
    if not rows:
        cards = tag("p", "None: nothing about this firmware is odd.")
    else:
        cards = tag("div", *(card(row, known.get(row.get("label"))) for row in rows),
                    class_="cards")
    words = "1 finding" if len(rows) == 1 else f"{len(rows)} findings"
    return section("findings", f"Firmware: {words}", cards)
