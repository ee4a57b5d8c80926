#!/usr/bin/python3
"""Searches every state of the models in tests/models with SPIN, and of their seeded errors.

A model says in lines `seed: NAME` which errors can be put into it: of the model as it is
the search must find nothing wrong, of the model with any one seed it must. The last line
counts. Where SPIN is missing nothing is searched, and that is said.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = ROOT / "tests" / "models"
SEED = re.compile(r"^ \*\s+seed: (\w+) ", re.MULTILINE)
MAX_DEPTH = 200000
TIMEOUT_S = 300


def search(model, seed, folder):
    """What SPIN finds in @model with @seed: "" for nothing, or what is wrong."""
    folder = pathlib.Path(folder)
    made = subprocess.run(["spin", *([f"-D{seed}"] if seed else []), "-a", model], cwd=folder,
                          capture_output=True, text=True, check=False)
    if made.returncode:
        return f"does not compile: {made.stdout}{made.stderr}"
    subprocess.run(["gcc", "-O1", "-w", "-DSAFETY", "pan.c", "-o", "pan"], cwd=folder, check=True)
    said = subprocess.run(["./pan", f"-m{MAX_DEPTH}"], cwd=folder, capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=False).stdout
    # A search that was cut short has proved nothing.
    if "errors: 0" in said and "max search depth too small" not in said:
        return ""
    found = re.search(r"^pan:1: (.*)$", said, re.MULTILINE)
    return found[1] if found else f"no end: {said[-200:]}"


def judge(model, seed):
    """(passed, line) of the search of @model with @seed, or as it is."""
    with tempfile.TemporaryDirectory() as folder:
        found = search(model, seed, folder)
    name = f"{model.stem} {seed or ''}".strip()
    is_error = found.startswith(("assertion violated", "invalid end state"))
    if not seed:
        return not found, f"{name}: {found or 'nothing wrong in any order'}"
    return is_error, f"{name}: {f'found: {found}' if is_error else found or 'NOT FOUND'}"


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    models = sorted(MODELS.glob("*.pml"))
    searches = [(model, seed) for model in models
                for seed in [None, *SEED.findall(model.read_text())]]
    if not shutil.which("spin"):
        print("models: no spin (sh tools/setup.sh --checkers)")
        print(f"0 passed, 0 failed, {len(searches)} skipped")
        return 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda each: judge(*each), searches))
    for has_passed, line in results:
        print(f"{'ok' if has_passed else 'failed:'} {line}")
    nr_passed = sum(has_passed for has_passed, _ in results)
    print(f"{nr_passed} passed, {len(results) - nr_passed} failed, 0 skipped")
    return 0 if results and nr_passed == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
