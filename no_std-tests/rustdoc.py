"""What rustdoc knows of the crate, for the scripts here."""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TARGET = HERE / "target" / "rustdoc"


def run(*command, **env):
    done = subprocess.run(command, cwd=HERE, env={**os.environ, **env}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{Path(sys.argv[0]).name}: {' '.join(command)}: {done.stderr}")
    return done.stdout


def items(features=""):
    """The public items of the crate, by number."""
    run("cargo", "rustdoc", "-q", "--lib", "--features", features, "--manifest-path", str(ROOT / "Cargo.toml"),
        "--target-dir", str(TARGET), "--", "-Zunstable-options", "--output-format", "json", RUSTC_BOOTSTRAP="1")
    return json.loads((TARGET / "doc" / "vtep.json").read_text())["index"]


def type_name(of):
    """A type as symbols name it, without references, slices and arrays."""
    while inner := of.get("borrowed_ref", {}).get("type") or of.get("slice") or of.get("array", {}).get("type"):
        of = inner
    return of.get("primitive") or (of.get("resolved_path") or {}).get("path", "").rsplit("::", 1)[-1]


def exempt(name):
    """The names of a list, each of which has a reason."""
    for line in (HERE / name).read_text().splitlines():
        if line and not line.startswith("#"):
            item, _, reason = line.partition(" ")
            if not reason.strip():
                sys.exit(f"{name}: no reason: {line}")
            yield item
