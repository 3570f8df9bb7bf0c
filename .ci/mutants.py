#!/usr/bin/env python3
"""Mutation testing of the library: `.ci/mutants.py [REGEX]` judges the mutants whose names match, or all.

`cargo mutants` says which mutants there are. They are compiled into one test binary, in which the variable MUTANT chooses
one: each function becomes a `match`, its mutated bodies the arms. So a mutant costs a run of the tests, not a build. One
that does not compile is unviable. What cannot be chosen at run time (constants, functions that return `impl Trait`) is
left to `cargo mutants` itself. All is in target/mutants: the verdicts in verdicts.tsv, with the test that caught it.
"""
import collections
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target/mutants"
PLAIN, ALL = WORK / "plain", WORK / "all"
FLAGS = ["--offline", "--lib", "--features", "arbitrary,std"]
# Const evaluation at run time is unstable, and so is `--fail-fast`.
ENV = os.environ | {
    "RUSTC_BOOTSTRAP": "1", "RUST_BACKTRACE": "0", "CARGO_TARGET_DIR": str(WORK / "target"), "CARGO_PROFILE_TEST_DEBUG": "0",
    "CARGO_PROFILE_DEV_DEBUG": "0", "PROPERTIES": os.environ.get("PROPERTIES", "100"), "CARGO_MANIFEST_DIR": str(PLAIN),
}
# These take longer than all the others together: each is for mutants of some layers alone.
SLOW = {
    "a_message_that_says_it_is_shorter": ["netlink"],
    "kernels_agree_on_every_length": ["arch", "checksum"],
    "kernels_lose_no_carry": ["arch", "checksum"],
    "a_batch_agrees_with_single_calls": ["arch", "batch", "buf", "checksum", "tunnel"],
    "full_and_local_checksum_offload_agree": ["arch", "checksum", "tunnel"],
    "of_usual::with_an": ["checksum", "tunnel", "wire"],
    "every_truncation_of_captured_packets": ["wire"],
    "snapshots_tell_what_two_maps_tell": ["lease"],
    "finds_what_a_set_finds": ["subnet"],
    "gives_what_a_walk_over_all_gives": ["subnet"],
}
CHOOSE = """
pub(crate) const fn chosen_mutant<const FIRST: u32, const COUNT: u32>() -> u32 {
    const fn never(_: u32, _: u32) -> u32 { 0 }
    fn chosen(first: u32, count: u32) -> u32 {
        use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
        static CHOSEN: AtomicU32 = AtomicU32::new(u32::MAX);
        if CHOSEN.load(Relaxed) == u32::MAX {
            CHOSEN.store(std::env::var("MUTANT").map_or(0, |text| text.parse().unwrap()), Relaxed);
        }
        let chosen = CHOSEN.load(Relaxed);
        let arm = chosen.wrapping_sub(first);
        if arm < count { arm + 1 } else { 0 }
    }
    core::intrinsics::const_eval_select((FIRST, COUNT), never, chosen)
}
"""


def plant():
    """The tree, with the integration tests as modules of the library: one crate is built, not twenty."""
    shutil.rmtree(PLAIN, ignore_errors=True)
    for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).split("\n"):
        if (ROOT / name).is_file():
            (PLAIN / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, PLAIN / name)
    lib = PLAIN / "src/lib.rs"
    text = re.sub(r"^#!\[(deny|cfg_attr)\([^]]*\)\]$", "", lib.read_text(), flags=re.M)
    text = text.replace("#![no_std]", "#![cfg_attr(not(test), no_std)]\n#![allow(warnings, arithmetic_overflow, unconditional_panic)]")
    text += "\n#[cfg(test)]\nextern crate self as vtep;\n"
    for test in sorted((PLAIN / "tests").glob("*.rs")):
        # Not those that read the sources, or start programs that are built without the mutant.
        if test.stem not in ("layers", "captures") and "program(" not in test.read_text():
            text += f'#[cfg(test)]\n#[path = "../tests/{test.name}"]\nmod of_{test.stem};\n'
    lib.write_text(text)


def body_start(text, at):
    """Where the body of the function at `at` begins: at the first brace outside of brackets and comments."""
    depth = 0
    for token in re.finditer(r"//[^\n]*|[(\[{)\]]", text[at:]):
        if token[0] == "{" and depth == 0:
            return at + token.start()
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token[0], 0)


def rewrite(name, mutants, dropped):
    """Writes a source file with its mutants. Gives which lines belong to which of them."""
    text = (PLAIN / name).read_text()
    starts = [0] + [end.end() for end in re.finditer("\n", text)]
    span = lambda it: tuple(starts[it["span"][end]["line"] - 1] + it["span"][end]["column"] - 1 for end in ("start", "end"))
    spans = sorted({span(mutant["function"]) for mutant in mutants})
    functions = collections.defaultdict(list)
    for mutant in mutants:
        start, end = span(mutant["function"])
        functions[next(outer for outer in spans if outer[0] <= start and end <= outer[1])].append(mutant)
    out, at, lines = "", 0, []
    line = lambda: out.count("\n") + 1
    for (start, end), own in sorted(functions.items()):
        body, numbers = body_start(text, start), [mutant["number"] for mutant in own]
        first, count, top = min(numbers), max(numbers) - min(numbers) + 1, line()
        out += text[at:body] + f"{{ match crate::chosen_mutant::<{first}, {count}>() {{\n"
        for mutant in own:
            if mutant["number"] not in dropped:
                before, (left, right) = line(), span(mutant)
                out += f"{mutant['number'] - first + 1} => {text[body:left]} {mutant['replacement']} {text[right:end]}\n"
                lines.append((before, line() - 1, [mutant["number"]]))
        out += f"_ => {text[body:end]}\n}} }}"
        lines.append((top, line(), numbers))
        at = end
    # Inlined always, every mutant of a function would hold every mutant of those that it calls.
    (ALL / name).write_text((out + text[at:]).replace("#[inline(always)]", "#[inline]"))
    return lines


def refused(lines):
    """Compiles the mutants; those that errors are about, with the first: alone, or with all of their function."""
    check = ["cargo", "check", "--profile", "test", "--message-format=json", *FLAGS]
    done = subprocess.run(check, cwd=ALL, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found = {}
    for message in map(json.loads, done.stdout.splitlines()):
        message = message.get("message", {})
        if message.get("level") == "error":
            places = sorted(message["spans"], key=lambda place: not place["is_primary"])
            hits = [
                numbers for place in places for first, last, numbers in lines.get(place["file_name"], [])
                if first <= place["line_start"] <= last
            ]
            for number in min(hits, key=len, default=[]):
                found.setdefault(number, (message["message"], len(min(hits, key=len)) == 1))
    if done.returncode and not found:
        sys.exit(f"mutants: {ALL} does not compile")
    return found


def compile_all(mutants):
    """The binary with all mutants that can be chosen; those that do not compile; those that are left."""
    shutil.rmtree(ALL, ignore_errors=True)
    shutil.copytree(PLAIN, ALL)
    lib = ALL / "src/lib.rs"
    lib.write_text(lib.read_text().replace("#![allow", "#![feature(core_intrinsics, const_eval_select)]\n#![allow", 1) + CHOOSE)
    left = {m["number"] for m in mutants if not m["function"] or "impl " in m["function"]["return_type"]}
    dropped, unviable = set(left), set()
    files = collections.defaultdict(list)
    for mutant in mutants:
        if mutant["function"]:
            files[mutant["file"]].append(mutant)
    while True:
        found = refused({name: rewrite(name, own, dropped) for name, own in files.items()})
        if not found:
            break
        unviable |= {number for number, (_, alone) in found.items() if alone}
        left |= {number for number, (_, alone) in found.items() if not alone}
        dropped |= found.keys()
    build = ["cargo", "test", "--no-run", "--message-format=json", *FLAGS]
    out = subprocess.run(build, cwd=ALL, env=ENV, stdout=subprocess.PIPE, text=True, check=True).stdout
    return next(m["executable"] for m in map(json.loads, out.splitlines()) if m.get("executable")), unviable, left


def judge(binary, mutant):
    """First the tests of the mutant's own layer, then the others but slow ones, then those: up to the first that fails."""
    layer = mutant["file"].split("/")[1].removesuffix(".rs")
    quick = [argument for test in SLOW for argument in ("--skip", test)]
    slow = [test for test, layers in SLOW.items() if layer in layers]
    for only, seconds in ([layer + "::", *quick], 10), (quick, 10), (slow or ["none"], 60):
        run = [binary, "-Zunstable-options", "--fail-fast", "--test-threads=1", *only]
        limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        env = ENV | {"MUTANT": str(mutant["number"])}
        done = subprocess.run(run, cwd=PLAIN, env=env, capture_output=True, preexec_fn=limit)
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return "timeout", "-"
        if done.returncode:
            failed = re.search(rb"^test (\S+) .*FAILED", done.stdout, re.M)
            return "caught", failed[1].decode() if failed else f"status {done.returncode}"
    return "missed", "-"


def judge_left(mutants):
    """The verdicts of `cargo mutants` on what it has to build one by one."""
    names = [argument for mutant in mutants for argument in ("-F", f"^{re.escape(mutant['name'])}$")]
    run = ["cargo", "mutants", "--in-place", "--baseline=skip", "--timeout=60", "-o", WORK, *names, "-C=--lib"]
    subprocess.run(run, cwd=PLAIN, env=ENV, stdout=sys.stderr)
    for verdict in ("caught", "missed", "timeout", "unviable"):
        for name in (WORK / "mutants.out" / f"{verdict}.txt").read_text().splitlines():
            yield verdict, name


def main():
    wanted = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    plant()
    what = ["cargo", "mutants", "--list", "--json"]
    listed = json.loads(subprocess.check_output(what, cwd=PLAIN, env=ENV))
    mutants = [mutant | {"number": number} for number, mutant in enumerate(listed, 1) if wanted.search(mutant["name"])]
    binary, unviable, left = compile_all(mutants)
    count = collections.Counter(unviable=len(unviable))
    with open(WORK / "verdicts.tsv", "w", buffering=1) as verdicts:
        def tell(verdict, by, name):
            count[verdict] += 1
            print(verdict, by, name, sep="\t", file=verdicts)
            if verdict == "missed":
                print(verdict, name, flush=True)
        # In no order, so that a run that is cut short has judged a sample.
        for mutant in random.Random(1).sample(mutants, len(mutants)):
            if mutant["number"] not in unviable | left:
                tell(*judge(binary, mutant), mutant["name"])
        if left:
            for verdict, name in judge_left([mutant for mutant in mutants if mutant["number"] in left]):
                tell(verdict, "cargo mutants", name)
    viable = count["caught"] + count["timeout"] + count["missed"]
    print(f"{len(mutants)} mutants, {dict(count)}: {100 * (viable - count['missed']) / max(viable, 1):.1f} % of {viable} caught")


if __name__ == "__main__":
    main()
