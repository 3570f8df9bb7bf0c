#!/usr/bin/env python3
"""Tests the engine on `fixture`, a crate whose mutants have known verdicts."""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERDICTS = {
    "src/lib.rs: replace caught -> bool with true": "caught",
    "src/lib.rs: replace && with || in caught": "caught",
    "src/lib.rs: replace < with <= in equivalent": "missed",
    "src/lib.rs: replace < with > in equivalent": "caught",
    "src/lib.rs: replace missed -> bool with false": "missed",
    "src/lib.rs: replace -= with /= in late": "timeout",
    "src/lib.rs: replace unviable::inner -> u8 with 0": "caught",
    "src/lib.rs: replace Opaque::number -> u8 with 1": "caught",
    "src/lib.rs: replace + with *": "caught",
}


def run(crate, *arguments):
    command = [sys.executable, str(HERE / "mutants.py"), f"--root={crate}", f"--settings={crate}", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def expect(done, status, text):
    if done.returncode != status or text not in done.stdout + done.stderr:
        sys.exit(f"selftest: status {done.returncode}, expected {status} and {text!r} in:\n{done.stdout}\n{done.stderr}")


def edit(path, old, new):
    text = path.read_text()
    assert old in text, f"{path}: {old}"
    path.write_text(text.replace(old, new))


def main():
    with tempfile.TemporaryDirectory() as directory:
        crate = Path(directory) / "fixture"
        shutil.copytree(HERE / "fixture", crate, ignore=shutil.ignore_patterns("target"))
        subprocess.run(["git", "init", "-q", crate], check=True)
        git = ["git", "-C", crate, "-c", "user.name=test", "-c", "user.email=test@example.org"]
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", "fixture"], check=True)

        expect(run(crate), 0, "19 caught, 2 missed, 2 ran out of time (1 of these are explained)")
        rows = (crate / "target/mutants/verdicts.tsv").read_text().splitlines()
        found = {}
        for verdict, _, name in (row.split("\t") for row in rows):
            place, what = name.split(" ", 1)
            found[f"{place.split(':')[0]}: {what}"] = verdict
        wrong = {name: found.get(name) for name, verdict in VERDICTS.items() if found.get(name) != verdict}
        if wrong:
            sys.exit(f"selftest: other verdicts: {wrong}")

        expect(run(crate, "--since", "HEAD"), 0, "no mutant was judged")
        edit(crate / "src/lib.rs", "text == \"}\" &&", "(text == \"}\") &&")
        expect(run(crate, "--since", "HEAD"), 0, "0 missed, 0 ran out of time")
        expect(run(crate, "Opaque::number"), 0, "2 mutants judged: 2 caught")
        expect(run(crate, "no such name"), 1, "none has such a name")
        # A score below the bound fails, as do tests that fail by themselves and a stale explanation.
        expect(run(crate, "missed"), 1, "0.0 % without the explained")
        edit(crate / "explained.tsv", "in equivalent", "in nothing")
        expect(run(crate, "number"), 1, "there is no such mutant")
        edit(crate / "explained.tsv", "in nothing", "in equivalent")
        edit(crate / "tests/whole.rs", "number(), 7", "number(), 8")
        expect(run(crate, "number"), 1, "the tests fail without a mutant")
        edit(crate / "src/lib.rs", "        7\n", "        \"seven\"\n")
        expect(run(crate, "number"), 1, "mismatched types")
    print("mutants: the verdicts on the fixture are as known, and what must fail does")


if __name__ == "__main__":
    os.environ.pop("MUTANT", None)
    main()
