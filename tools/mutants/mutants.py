#!/usr/bin/env python3
"""Mutation testing of the library: are there changes to the code that no test notices?

    tools/mutants/mutants.py --sample 200       200 mutants chosen at random; the seed is printed
    tools/mutants/mutants.py --since main       those in what changed since a commit
    tools/mutants/mutants.py 'agent|lease'      those whose names match
    tools/mutants/mutants.py                    all

The run fails where less than the bound in settings.toml is caught by tests that `cargo test` runs. README.md says how it works.
"""
import argparse
import collections
import concurrent.futures
import os
import random
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from judging import Judge, judge_left
from planting import Tree

HERE = Path(__file__).resolve().parent


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("regex", nargs="?", default="", help="mutants whose names match")
    parser.add_argument("--sample", type=int, metavar="N", help="so many of them, chosen at random")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="of that choice")
    parser.add_argument("--since", metavar="COMMIT", help="mutants of what changed since")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many are tested at a time")
    parser.add_argument("--root", type=Path, default=HERE.parent.parent, help="the crate")
    parser.add_argument("--settings", type=Path, default=HERE, help="where settings.toml and explained.tsv are")
    return parser.parse_args()


def unplaced(name):
    """A mutant's name without line and column, which move."""
    return re.sub(r":\d+:\d+:", ":", name, count=1)


def explained(path, known):
    """How many survivors of each name have an explanation. Each entry is about mutants that there are."""
    counts = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            count, name, reason = line.split("\t")
            if name not in known or not reason:
                sys.exit(f"mutants: {path.name}: {name}: there is no such mutant, or no reason")
            counts[name] = counts.get(name, 0) + int(count)
    return counts


def changed(tree, commit):
    """The lines that changed since a commit, by file."""
    command = ["git", "diff", "--relative", "--unified=0", "--no-ext-diff", commit, "--", "src"]
    lines, file = collections.defaultdict(set), None
    for line in subprocess.check_output(command, cwd=tree.root, text=True).splitlines():
        if line.startswith("+++ "):
            file = line.removeprefix("+++ b/")
        elif hunk := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            first, count = int(hunk[1]), int(hunk[2] or 1)
            # What was deleted has changed the line before.
            lines[file].update(range(first, first + max(count, 1)))
    return lines


def is_in(mutant, lines):
    """Whether a mutant's function is among the lines, or itself where it is in none."""
    span = (mutant["function"] or mutant)["span"]
    return not lines[mutant["file"]].isdisjoint(range(span["start"]["line"], span["end"]["line"] + 1))


def chosen(tree, options, every):
    """The mutants to judge, in random order: a run that is cut short has judged a sample."""
    wanted = re.compile(options.regex)
    mutants = [mutant for mutant in every if wanted.search(mutant["name"])]
    if options.since:
        lines = changed(tree, options.since)
        mutants = [mutant for mutant in mutants if is_in(mutant, lines)]
    random.Random(options.seed).shuffle(mutants)
    # Some do not compile, which is known later.
    return mutants[: 2 * options.sample] if options.sample else mutants


class Score:
    """Counts of verdicts, and what the report says of them."""

    def __init__(self, excuses, table):
        self.count, self.excuses, self.table = collections.Counter(), excuses, table

    def tell(self, verdict, by, name):
        self.count[verdict] += 1
        if verdict in ("missed", "timeout"):
            is_explained = self.excuses.get(unplaced(name), 0) > 0
            self.excuses[unplaced(name)] = self.excuses.get(unplaced(name), 0) - 1
            self.count["explained"] += is_explained
            print(f"{verdict}{', explained' if is_explained else ''}: {name}", flush=True)
        print(verdict, by, name, sep="\t", file=self.table)

    def report(self, bound):
        """Whether enough was caught. A mutant that runs out of time is not caught."""
        caught, missed, late, known = (self.count[key] for key in ("caught", "missed", "timeout", "explained"))
        judged = caught + missed + late
        print(
            f"{judged} mutants judged: {caught} caught, {missed} missed, {late} ran out of time"
            f" ({known} of these are explained); {self.count['unviable']} do not compile"
        )
        if not judged:
            print("no mutant was judged")
            return True
        score = 100 * caught / max(judged - known, 1)
        print(f"caught: {100 * caught / judged:.1f} % of all, {score:.1f} % without the explained; at least {bound} % is required")
        return score >= bound


def judge_all(tree, mutants, every, options, score):
    binary, unviable, left = tree.compile(mutants, every)
    if not binary:
        sys.exit(f"mutants: {tree.all} does not build")
    mutants = [mutant for mutant in mutants if mutant["number"] not in unviable]
    score.count["unviable"] = len(unviable)
    mutants = mutants[: options.sample] if options.sample else mutants
    judge = Judge(tree, binary)
    print(f"{len(mutants)} mutants, {len(judge.seconds)} tests of {sum(judge.seconds.values()):.0f} s", flush=True)
    now = [mutant for mutant in mutants if mutant["number"] not in left]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for mutant, verdict in zip(now, pool.map(judge.judge, now)):
            score.tell(*verdict, mutant["name"])
    slowly = [mutant for mutant in mutants if mutant["number"] in left]
    if slowly:
        for mutant, verdict in judge_left(judge, slowly):
            score.tell(*verdict, mutant["name"])


def main():
    options = parsed()
    settings = tomllib.loads((options.settings / "settings.toml").read_text())
    tree = Tree(options.root.resolve(), settings)
    tree.plant()
    every = [mutant | {"number": number} for number, mutant in enumerate(tree.listed(), 1)]
    excuses = explained(options.settings / "explained.tsv", {unplaced(mutant["name"]) for mutant in every})
    mutants = chosen(tree, options, every)
    print(f"{len(every)} mutants in all; --seed {options.seed}", flush=True)
    with open(tree.work / "verdicts.tsv", "w", buffering=1) as table:
        score = Score(excuses, table)
        if mutants:
            judge_all(tree, mutants, every, options, score)
        elif not options.since:
            sys.exit("mutants: none has such a name")
    sys.exit(0 if score.report(settings["bound"]) else 1)


if __name__ == "__main__":
    main()
