#!/usr/bin/env python3
"""Shows that no function of the library calls itself, and bounds its stack.

    ./callgraph.py            checks both
    ./callgraph.py --write    writes callgraph.indirect and the manual's table instead

The call graph is LLVM's: once of the library and the body of tests as they are written, without any pass of the
optimizer, and once of each image `gate` as it is linked. A call through a pointer goes to every function of its signature
whose address is taken. `callgraph.exempt` names cycles that input does not drive, `callgraph.external` functions outside
the graph, `callgraph.indirect` the calls through pointers and their targets. `planted.rs` calls itself in each way that
there is, and must be found each time.

The stack of a module is the longest way, in bytes of frames, below the test that calls each of its public functions,
the test's own frames and buffers included. It holds for every input."""

import json
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

from llvm_ir import CallGraph, demangled
from rustdoc import HERE, ROOT, run

TARGET = HERE / "target" / "callgraph"
TABLE = ROOT / "src" / "manual" / "stack.md"
BOARDS = {
    "thumbv7em-none-eabihf": "Cortex-M4F",
    "aarch64-unknown-none": "AArch64",
    "riscv64gc-unknown-none-elf": "RISC-V 64",
    "x86_64-unknown-none": "x86-64",
}
# The tests of the body, one a module.
MODULES = re.findall(r"^    (\w+)::run\(&mut checks\);", (HERE / "body" / "src" / "lib.rs").read_text(), re.M)
# The crates that have code in the library: its own, and those that it uses.
SOURCES = {"vtep", "body", "zerocopy", "byteorder", "bitflags"}
PLANTED = ["planted_direct", "planted_closure", "planted_pointer", "planted_dyn", "planted_tail"]
# What a function of the runtime (memcpy, a division) uses at most, which has no size of its own in the images.
RUNTIME = 128
# No module may use more, whatever the table says.
MOST = 32 * 1024


def listed(name):
    """Patterns of names, each with a reason after ` -- `."""
    for line in (HERE / name).read_text().splitlines():
        if line and not line.startswith("#"):
            pattern, _, reason = line.partition(" -- ")
            if not reason.strip():
                sys.exit(f"{name}: no reason: {line}")
            yield pattern.strip()


def matches(name, patterns):
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def source_modules():
    """LLVM's code of the library and the body, as they are written."""
    flags = "-Csymbol-mangling-version=v0 -Zshare-generics=n -Cno-prepopulate-passes -Ccodegen-units=1 --emit=llvm-ir"
    out = run("cargo", "build", "-q", "-p", "body", "--lib", "--message-format=json", "--target-dir", str(TARGET),
              RUSTFLAGS=flags, RUSTC_BOOTSTRAP="1", CARGO_INCREMENTAL="0")
    for line in out.splitlines():
        message = json.loads(line)
        if message.get("target", {}).get("name") in SOURCES:
            rlib = next(Path(name) for name in message["filenames"] if name.endswith(".rmeta"))
            yield rlib.with_name(rlib.stem.removeprefix("lib") + ".ll")


def planted_module():
    code = TARGET / "planted.ll"
    run("rustc", "--crate-type=lib", "--edition=2024", "--emit=llvm-ir", "-Copt-level=0", "-Cpanic=abort",
        "-Csymbol-mangling-version=v0", "-o", str(code), str(HERE / "planted.rs"))
    return code


def image(target):
    """The image, and LLVM's code of it."""
    done = subprocess.run(["sh", "-ec", f". ./env.sh; gate {target}"], cwd=HERE, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"callgraph: {target}: {done.stderr}")
    release = HERE / "target" / target / "release"
    linked = release / "gate"
    code = [path for path in (release / "deps").glob("gate-*.ll") if path.with_suffix("").samefile(linked)]
    if len(code) != 1:
        sys.exit(f"callgraph: {target}: not one of LLVM's modules is the image's: {code}")
    return linked, code[0]


def cycles(graph, what):
    """Functions that call themselves and are not exempt; sees to it that the planted ones are found."""
    names = demangled(graph.defined)
    exempt, found, failures = set(listed("callgraph.exempt")), set(), []
    for cycle in graph.cycles():
        cycle = sorted({names[function] for function in cycle})
        found.update(name for name in PLANTED if any(name in function for function in cycle))
        cycle = [function for function in cycle if "planted" not in function]
        if cycle and not all(matches(function, exempt) for function in cycle):
            failures.append(f"{what}: calls itself:\n    " + "\n    ".join(cycle))
    if missed := set(PLANTED) - found:
        failures.append(f"{what}: did not find what is planted: {', '.join(sorted(missed))}")
    return failures


def external(graph, what):
    allowed = list(listed("callgraph.external"))
    left = [name for name in sorted(set(demangled(graph.externals()).values())) if not matches(name, allowed)]
    return [f"{what}: outside the graph, and not in callgraph.external: {name}" for name in left]


def indirect(graph):
    """The lines of `callgraph.indirect`: a function, and what it may call through a pointer."""
    names = demangled(graph.defined)
    calls = {}
    for function, targets in graph.targets.items():
        if "planted" not in names[function]:
            own = (names[target] for target in targets)
            calls.setdefault(names[function], set()).update(target for target in own if "planted" not in target)
    for function, targets in sorted(calls.items()):
        yield function
        yield from (f"    {target}" for target in sorted(targets) or ["(what the program gives it)"])


def frames(linked):
    """The bytes of each function's frame, by symbol, from the section `.stack_sizes`."""
    addresses = {}
    for line in run("readelf", "-sW", str(linked)).splitlines():
        if (cells := line.split()) and len(cells) == 8 and cells[3] == "FUNC":
            addresses.setdefault(int(cells[1], 16) & ~1, []).append(cells[7])
    bits = int(re.search(r"Class:\s+ELF(\d+)", run("readelf", "-h", str(linked)))[1])
    dump = run("readelf", "-x", ".stack_sizes", str(linked))
    data = bytes.fromhex("".join(re.findall(r"^  0x\w+ ((?:[0-9a-f]+ ){1,4})", dump, re.M)).replace(" ", ""))
    sizes, at = {}, 0
    while at < len(data):
        address = int.from_bytes(data[at : at + bits // 8], "little") & ~1
        at, size, shift = at + bits // 8, 0, 0
        while True:
            size |= (data[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not data[at - 1] & 0x80:
                break
        for name in addresses.get(address, []):
            sizes[name] = size
    return sizes


def stacks(graph, linked, target):
    """The longest way below each module's test, in bytes."""
    sizes = frames(linked)
    pushed = 8 if target.startswith("x86_64") else 0  # the return address, which is no part of a frame there
    deepest = {}
    for component in graph.components():
        callees = set().union(*map(graph.callees, component)) - component
        below = max((deepest.get(callee, RUNTIME) for callee in callees), default=0)
        if missing := [function for function in component if function not in sizes]:
            sys.exit(f"callgraph: {target}: no size of {missing}")
        for function in component:
            deepest[function] = max(below, RUNTIME) + sum(sizes[each] + pushed for each in component)
    named = {plain: name for name, plain in demangled(graph.defined).items()}
    for module in MODULES:
        if not (test := named.get(f"body::{module}::run")):
            sys.exit(f"callgraph: {target}: body::{module}::run has no frame of its own: it needs #[inline(never)]")
        yield module, deepest[test]


def beyond(rows, boards):
    """What is above its bound: the manual's table and an eighth."""
    written = {}
    for line in TABLE.read_text().splitlines()[2:] if TABLE.exists() else []:
        module, *figures = (cell.strip() for cell in line.strip("|").split("|"))
        written[module] = dict(zip(BOARDS.values(), map(int, figures), strict=True))
    for module, figures in rows.items():
        for board, figure in zip(boards, figures, strict=True):
            bound = written.get(module, {}).get(board)
            if bound is None:
                yield f"stack of {module} on {board}: not in the manual"
            elif figure > min(bound + bound // 8 + 32, MOST):
                yield f"stack of {module} on {board}: {figure} bytes, {bound} in the manual"


def main():
    writes = "--write" in sys.argv
    TARGET.mkdir(parents=True, exist_ok=True)
    planted = planted_module()
    graph = CallGraph(*source_modules(), planted)
    failures = cycles(graph, "the source") + external(graph, "the source")
    print(f"the source: {len(graph.defined)} functions, {len(graph.indirect)} of them call through pointers", flush=True)
    lines = "\n".join(indirect(graph)) + "\n"
    if writes:
        (HERE / "callgraph.indirect").write_text(lines)
    elif lines != (HERE / "callgraph.indirect").read_text():
        failures.append(f"callgraph.indirect is not what there is:\n{lines}")
    rows = {module: [] for module in MODULES}
    for target in BOARDS:
        linked, code = image(target)
        failures += cycles(CallGraph(code, planted), target)
        graph = CallGraph(code)
        failures += external(graph, target)
        for module, depth in stacks(graph, linked, target):
            rows[module].append(depth)
        print(f"{target}: {len(graph.defined)} functions", flush=True)
    table = ["| module | " + " | ".join(BOARDS.values()) + " |", "|---|" + "---:|" * len(BOARDS)]
    table += ["| " + " | ".join(map(str, (module, *figures))) + " |" for module, figures in rows.items()]
    print("\n".join(table))
    if writes:
        TABLE.write_text("\n".join(table) + "\n")
    else:
        failures += beyond(rows, BOARDS.values())
    sys.exit("callgraph: " + "\n".join(failures) if failures else 0)


if __name__ == "__main__":
    main()
