"""The tree with its mutants compiled in: each function holds a `match` whose arms are its mutated bodies.

Where a body begins and ends is what `cargo mutants --list --json` says: the span of a mutant that replaces it whole.
A mutant of a function without such a one, or of a constant, is built alone.
"""
import collections
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# How the code chooses among its mutants: the variable MUTANT, read once. In constants, which are evaluated before the
# program runs, no mutant is chosen.
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


class Tree:
    """A crate, and under its target/mutants the copies that are mutated and tested."""

    def __init__(self, root, settings):
        self.root, self.settings = root, settings
        self.work = root / "target/mutants"
        self.plain, self.all = self.work / "plain", self.work / "all"
        self.flags = ["--lib", "--features", ",".join(settings["features"])]
        # Const evaluation at run time is unstable, and so are `--fail-fast` and `--report-time`.
        self.env = os.environ | {
            "RUSTC_BOOTSTRAP": "1", "RUST_BACKTRACE": "0", "CARGO_TARGET_DIR": str(self.work / "target"),
            "CARGO_PROFILE_TEST_DEBUG": "0", "CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_MANIFEST_DIR": str(self.plain),
            "CARGO_TARGET_TMPDIR": str(self.work / "tmp"),
        }
        self.env |= {name: os.environ.get(name, value) for name, value in settings["environment"].items()}

    def run(self, command, directory, **more):
        return subprocess.run(command, cwd=directory, env=self.env, stdout=subprocess.PIPE, text=True, **more)

    def plant(self):
        """The copy, with the integration tests as modules of the library: one crate is built, not twenty."""
        shutil.rmtree(self.plain, ignore_errors=True)
        (self.work / "tmp").mkdir(parents=True, exist_ok=True)
        files = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=self.root, text=True)
        for name in files.splitlines():
            if (self.root / name).is_file():
                (self.plain / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.root / name, self.plain / name)
        metadata = self.run(["cargo", "metadata", "--no-deps", "--format-version=1"], self.plain, check=True).stdout
        package = json.loads(metadata)["packages"][0]
        lib = self.plain / "src/lib.rs"
        # No line moves, for the mutants are known by their places.
        blank = lambda attribute: attribute[0].count("\n") * "\n"
        text = re.sub(r"^#!\[(deny|cfg_attr)\([^]]*\)\]$", blank, lib.read_text(), flags=re.M)
        allow = "#![allow(warnings, arithmetic_overflow, unconditional_panic)]"
        text = text.replace("#![no_std]", "#![cfg_attr(not(test), no_std)]")
        text = f"{allow} {text}\n#[cfg(test)]\nextern crate self as {package['name'].replace('-', '_')};\n"
        for target in package["targets"]:
            if "test" in target["kind"] and target["name"] not in self.settings["left_out"]:
                text += self.adopt(target["name"], Path(target["src_path"]))
        lib.write_text(text)

    def adopt(self, name, main):
        """The line that makes an integration test a module; none for tests that start programs, which are not mutated."""
        own = sorted(main.parent.rglob("*.rs")) if main.name == "main.rs" else [main]
        texts = {path: path.read_text() for path in own}
        if any(re.search(r"current_exe|CARGO_BIN_EXE", text) for text in texts.values()):
            return ""
        for path, text in texts.items():
            path.write_text(re.sub(r"\bcrate::", f"crate::of_{name}::", text))
        return f'#[cfg(test)]\n#[path = "{main}"]\nmod of_{name};\n'.replace(str(self.plain), "..")

    def listed(self):
        """The mutants that `cargo mutants` knows."""
        return json.loads(self.run(["cargo", "mutants", "--list", "--json"], self.plain, check=True).stdout)

    def compile(self, mutants, every):
        """The binary with the mutants that can be chosen; the numbers of those that do not compile; of those that are left.
        `every` is all mutants, chosen or not: their spans say where bodies are."""
        shutil.rmtree(self.all, ignore_errors=True)
        shutil.copytree(self.plain, self.all)
        self.write("src/lib.rs", (self.plain / "src/lib.rs").read_text())
        bodies = {function_of(m): span_of(m) for m in every if m["genre"] == "FnValue"}
        left = {m["number"] for m in mutants if function_of(m) not in bodies or "impl " in m["function"]["return_type"]}
        dropped, unviable = set(left), set()
        files = collections.defaultdict(list)
        for mutant in mutants:
            if mutant["number"] not in left:
                files[mutant["file"]].append(mutant)
        while True:
            found = self.refused({name: self.rewrite(name, own, dropped, bodies) for name, own in files.items()})
            if not found:
                break
            unviable |= {number for number, (_, alone) in found.items() if alone}
            left |= {number for number, (_, alone) in found.items() if not alone}
            if found.keys() <= dropped:
                sys.exit(f"mutants: without any mutant there: {next(iter(found.values()))[0]}")
            dropped |= found.keys()
        return self.build(self.all), unviable, left

    def build(self, directory):
        """The test binary; `None` if it does not compile."""
        command = ["cargo", "test", "--no-run", "--message-format=json", *self.flags]
        done = self.run(command, directory, stderr=subprocess.DEVNULL)
        binaries = [m["executable"] for m in map(json.loads, done.stdout.splitlines()) if m.get("executable")]
        return binaries[0] if done.returncode == 0 else None

    def build_alone(self, mutant):
        """The test binary with one mutant and no choice."""
        path = self.all / mutant["file"]
        text = (self.plain / mutant["file"]).read_text()
        shutil.copytree(self.plain / "src", self.all / "src", dirs_exist_ok=True)
        left, right = (offset(text, place) for place in span_of(mutant))
        path.write_text(f"{text[:left]} {mutant['replacement']} {text[right:]}")
        return self.build(self.all)

    def rewrite(self, name, mutants, dropped, bodies):
        """Writes a source file with its mutants. Gives which lines belong to which of them."""
        text = (self.plain / name).read_text()
        offsets = lambda span: tuple(offset(text, place) for place in span)
        functions = collections.defaultdict(list)
        for body, own in outermost({function_of(m): bodies[function_of(m)] for m in mutants}).items():
            functions[offsets(body)] = [m for m in mutants if function_of(m) in own]
        out, at, lines = "", 0, []
        line = lambda: out.count("\n") + 1
        for (start, end), own in sorted(functions.items()):
            numbers = [mutant["number"] for mutant in own]
            first, count, top = min(numbers), max(numbers) - min(numbers) + 1, line()
            out += text[at:start] + f"match crate::chosen_mutant::<{first}, {count}>() {{\n"
            for mutant in own:
                if mutant["number"] not in dropped:
                    before, (left, right) = line(), offsets(span_of(mutant))
                    out += f"{mutant['number'] - first + 1} => {{ {text[start:left]} {mutant['replacement']} {text[right:end]} }}\n"
                    lines.append((before, line() - 1, [mutant["number"]]))
            out += f"_ => {{ {text[start:end]} }}\n}}"
            lines.append((top, line(), numbers))
            at = end
        # Inlined always, every mutant of a function would hold every mutant of those that it calls.
        self.write(name, (out + text[at:]).replace("#[inline(always)]", "#[inline]"))
        return lines

    def write(self, name, text):
        """Writes a file of the mutated copy; the root module gets the choice. No line moves."""
        if name == "src/lib.rs":
            text = f"#![feature(core_intrinsics, const_eval_select)] {text}{CHOOSE}"
        (self.all / name).write_text(text)

    def refused(self, lines):
        """Compiles the mutants. Those that errors are about, each with the first error, and if it was alone meant or with all
        of its function."""
        check = ["cargo", "check", "--profile", "test", "--message-format=json", *self.flags]
        done = self.run(check, self.all, stderr=subprocess.PIPE)
        found, errors = {}, []
        for message in map(json.loads, done.stdout.splitlines()):
            message = message.get("message", {})
            if message.get("level") == "error":
                errors.append(message["rendered"])
                places = sorted(message["spans"], key=lambda place: not place["is_primary"])
                hits = [
                    numbers for place in places for first, last, numbers in lines.get(place["file_name"], [])
                    if first <= place["line_start"] <= last
                ]
                for number in min(hits, key=len, default=[]):
                    found.setdefault(number, (message["message"], len(min(hits, key=len)) == 1))
        if done.returncode and not found:
            sys.exit(f"mutants: {self.all} does not compile:\n{''.join(errors[:3]) or done.stderr}")
        return found


def offset(text, place):
    """Where in a text a line and a column are."""
    line, column = place
    return sum(len(before) + 1 for before in text.split("\n")[: line - 1]) + column - 1


def span_of(it):
    return tuple((it["span"][end]["line"], it["span"][end]["column"]) for end in ("start", "end"))


def function_of(mutant):
    """What identifies a mutant's function; `None` outside of one."""
    return mutant["function"] and (mutant["file"], span_of(mutant["function"]))


def outermost(bodies):
    """Functions by the body that holds theirs: a function within a function is mutated with the outer one."""
    found = {}
    for function, body in sorted(bodies.items(), key=lambda item: (item[1][0], [-part for part in item[1][1]])):
        outer = next((outer for outer in found if outer[0] <= body[0] and body[1] <= outer[1]), body)
        found.setdefault(outer, set()).add(function)
    return found
