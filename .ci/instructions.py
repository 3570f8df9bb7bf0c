#!/usr/bin/env python3
"""Instructions a packet, counted under valgrind, against the bounds in benches/instructions/bounds.tsv.

`.ci/instructions.py` fails where a count exceeds its bound. `.ci/instructions.py --record` writes the file anew, each bound a
tenth above its count: so a bound is raised on purpose, or lowered after a gain.
"""
import json
import math
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

RUNNER = "0.20.0"
PACKETS = 256
PACKAGE = Path(__file__).resolve().parent.parent / "benches/instructions"
# What a refused packet may cost beside an accepted one.
MOST_REFUSED, ACCEPTED = 1.5, "decap_in_a_batch.avx2"
BOUNDS = PACKAGE / "bounds.tsv"


def skip(reason):
    """Ends a run that measured nothing, with the status that .ci/run does not take for success."""
    print(f"skipped: instructions.py: {reason}")
    sys.exit(77)


def install():
    """valgrind from Debian, and gungraun's runner, where they are missing."""
    if not shutil.which("valgrind"):
        if os.geteuid() != 0:
            skip("not root, and valgrind is not installed")
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", "valgrind"], check=True)
    found = shutil.which("gungraun-runner") and subprocess.run(
        ["gungraun-runner", "--version"], capture_output=True, text=True
    ).stdout
    if RUNNER not in (found or ""):
        install_runner = ["cargo", "install", "--locked", "--force", "--version", RUNNER, "gungraun-runner"]
        subprocess.run(install_runner, check=True)


def compiler():
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def measure():
    """The counts by job: a packet, or a call where the job is one call."""
    # The counts are of the default target: a CPU that is asked for would change them.
    environment = {name: value for name, value in os.environ.items() if not name.endswith("RUSTFLAGS")}
    command = ["cargo", "bench", "--quiet", "--locked", "--bench", "counts", "--", "--output-format=json"]
    output = subprocess.run(command, cwd=PACKAGE, env=environment, stdout=subprocess.PIPE, text=True)
    if output.returncode != 0:
        sys.exit(f"instructions: cargo bench: {output.stdout[-2000:]}")
    counts = {}
    for line in output.stdout.splitlines():
        if line.startswith("{"):
            summary = json.loads(line)
            metrics = summary["profiles"][0]["data"]["total"]["metrics"]
            count = metrics["Ir"]["values"]["new"]
            per = PACKETS if summary["group"] == "per_packet" else 1
            counts[f"{summary['function_name']}.{summary['id']}"] = round(count / per, 1)
    return counts


def record(counts):
    lines = [f"# {compiler()}; `.ci/instructions.py --record` writes this file.", "job\tcount\tbound"]
    lines += [f"{job}\t{count}\t{math.ceil(count * 1.1)}" for job, count in counts.items()]
    BOUNDS.write_text("\n".join(lines) + "\n")
    print(BOUNDS.read_text(), end="")


def check(counts):
    note, _, *lines = BOUNDS.read_text().splitlines()
    bounds = {job: float(bound) for job, _, bound in (line.split("\t") for line in lines)}
    failures = [f"{job}: in one of the two only" for job in bounds.keys() ^ counts.keys()]
    for job, count in counts.items():
        bound = bounds.get(job, math.inf)
        print(f"{job:32} {count:8} at most {bound:8}")
        if count > bound:
            failures.append(f"{job}: {count} instructions, at most {bound:g}")
        if job.startswith("refused") and count > MOST_REFUSED * counts[ACCEPTED]:
            failures.append(f"{job}: {count / counts[ACCEPTED]:.2f} times {ACCEPTED}, at most {MOST_REFUSED}")
    if failures:
        print(*(f"instructions: {failure}" for failure in failures), sep="\n", file=sys.stderr)
        print(f"The bounds are of {note.strip('# ').split(';')[0]}, these counts of {compiler()}.", file=sys.stderr)
        sys.exit(
            "To raise a bound on purpose: .ci/instructions.py --record, and say why in the message of the change."
        )


def main():
    if platform.machine() != "x86_64":
        skip(f"the bounds are for x86-64, not {platform.machine()}")
    install()
    counts = measure()
    record(counts) if "--record" in sys.argv[1:] else check(counts)


main()
