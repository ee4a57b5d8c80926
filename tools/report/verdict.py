"""The head of the page: how it went, on what."""

from . import facts as reading
from .markup import grouped, size, tag, text

WORDS = {
    "PASS": "Everything that was checked holds.",
    "FAIL": "Something that was checked does not hold.",
    "PANIC": "The program found something wrong that it cannot mend, and stopped.",
    "UNFINISHED": "The log ends before the run did: what follows is as far as it goes.",
}


def describe(facts):
    """(term, value) of the machine and the run, where the log has them."""
    machine, run = facts.first("machine"), facts.first("run")
    usable = facts.ledger("firmware").get("usable")
    found = [("CPU", machine.get("cpu")),
             ("CPUs", machine.get("cpus")),
             ("nodes", str(len(facts.nodes())) if facts.nodes() else None),
             ("usable memory", size(usable * reading.PAGE_BYTES) if usable else None),
             ("firmware", machine.get("firmware")),
             ("run", f"{reading.number(run, 'us') / 1e6:.1f} s" if "us" in run else None),
             ("ledger", {True: "balances to the page", False: "does not balance",
                         None: None}[facts.balances()]),
             ("Slabstick", facts.version())]
    return [(term, value) for term, value in found if value]


def render(facts):
    passed, failed, skipped = facts.log.counts()
    verdict = facts.verdict()
    problems = "".join(tag("li", text(problem)) for problem in facts.problems())
    counts = tag("p", *(tag("span", tag("b", grouped(count)), f" {word}", class_=class_)
                        for count, word, class_ in ((passed, "passed", "passed"),
                                                    (failed, "failed", "failed"),
                                                    (skipped, "skipped", "skipped"))),
                 class_="counts")
    items = "".join(tag("div", tag("dt", text(term)), tag("dd", text(value)))
                    for term, value in describe(facts))
    return tag("header", tag("p", "Slabstick report", class_="brand"),
               tag("h1", tag("span", verdict, class_="verdict"), " ", text(WORDS[verdict])),
               counts, tag("ul", problems, class_="problems") if problems else "",
               tag("dl", items), id="verdict", class_=f"is-{verdict.lower()}")
