"""Puts the page together: one file, nothing fetched, readable without its script."""

from . import benchmarks, curves, figures, findings, ledger, machine, steps, style, tests, verdict
from .markup import tag, text


def sections(facts, results):
    return [part for part in (findings.render(facts), machine.render(facts), ledger.render(facts),
                              tests.render(facts), figures.render(facts), curves.render(facts),
                              benchmarks.render(facts), steps.render(results)) if part]


def render(facts, results=None):
    title = f"Slabstick: {facts.verdict()}"
    head = tag("head", '<meta charset="utf-8"/>',
               '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
               '<meta name="color-scheme" content="light dark"/>',
               tag("title", text(title)), tag("style", style.SHEET))
    body = tag("body", verdict.render(facts), tag("main", *sections(facts, results)),
               tag("footer", text(f"From {facts.name}, {len(facts.log.lines)} lines.")),
               tag("script", style.SCRIPT))
    return f"<!DOCTYPE html>\n<html lang=\"en\">{head}{body}</html>\n"
