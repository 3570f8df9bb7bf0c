"""The call graph of LLVM's textual IR, for the scripts here."""

import re
import subprocess
from collections import defaultdict

NAME = r'(?:"[^"]+"|[\w.$-]+)'
GLOBAL = re.compile(rf"@({NAME})")
CALL = re.compile(rf"\b(?:call|invoke|callbr)\b(.*?)([@%]{NAME})\(")
INLINE_ASSEMBLY = re.compile(r"\b(?:call|invoke|callbr)\b[^@%]* asm ")
DEFINE = re.compile(rf"^define (.*?)@({NAME})\(")
# Operations of LLVM that a back end makes a call of a function of the runtime.
LOWERED = {"llvm.memcpy": "memcpy", "llvm.memmove": "memmove", "llvm.memset": "memset"}


def inside(text, start):
    """The text from `start` to the parenthesis that closes the one before it."""
    depth = 1
    for end in range(start, len(text)):
        depth += (text[end] in "([{<") - (text[end] in ")]}>")
        if not depth:
            return text[start:end]
    raise ValueError(f"no end: {text}")


def first_type(text):
    """The type that an argument begins with."""
    text = text.strip()
    return text[: len(inside(text, 1)) + 2] if text.startswith(("{", "[", "<")) else text.split(" ", 1)[0]


def last_type(text):
    """The type that ends the words before a function's name, which is what the function returns."""
    text = text.strip()
    if not text.endswith(("}", "]", ">")):
        return text.rsplit(" ", 1)[-1]
    depth = 0
    for start in range(len(text) - 1, -1, -1):
        depth += (text[start] in "}]>") - (text[start] in "{[<")
        if not depth:
            return text[start:]
    raise ValueError(f"no start: {text}")


def signature(before, arguments):
    """What a function returns and takes, without attributes."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(arguments + ","):
        depth += (letter in "([{<") - (letter in ")]}>")
        if letter == "," and not depth:
            parts.append(first_type(arguments[start:at]))
            start = at + 1
    return f"{last_type(before)}({', '.join(part for part in parts if part)})"


class CallGraph:
    """Functions, whom each calls by name, what it calls through a pointer, and which functions a pointer may have.

    A function whose address another takes, or has in a table that it names, counts as called by that one: so what
    `core::fmt` calls for it, which may be in no module, is in the graph."""

    def __init__(self, *paths):
        self.defined, self.taken, self.aliases = {}, set(), {}
        self.direct, self.indirect, self.named, self.constants = (defaultdict(set) for _ in range(4))
        for path in paths:
            self._read(path)
        for function, names in self.named.items():
            self.direct[function] |= self._reached(names) & self.defined.keys()
        self.taken = {self.aliases.get(name, name) for name in self.taken} & self.defined.keys()
        for function, callees in self.direct.items():
            self.direct[function] = {self.aliases.get(name, name) for name in callees}
        by_signature = defaultdict(set)
        for name in self.taken:
            by_signature[self.defined[name]].add(name)
        self.targets = {
            function: set().union(*(by_signature[kind] for kind in kinds)) for function, kinds in self.indirect.items()
        }

    def _read(self, path):
        function = None
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if line[0] == "@":
                    self._global(line)
                elif start := DEFINE.match(line):
                    function = start[2].strip('"')
                    self.defined[function] = signature(start[1], inside(line, start.end()))
                elif line[0] == "}":
                    function = None
                elif function and not line.lstrip().startswith("#dbg"):
                    self._instruction(function, line)

    def _global(self, line):
        name, _, rest = line.partition(" = ")
        names = [found.strip('"') for found in GLOBAL.findall(rest)]
        if re.search(r"\balias\b", rest.split("@")[0]):
            self.aliases[name[1:].strip('"')] = names[0]
        else:
            self.taken.update(names)
            self.constants[name[1:].strip('"')].update(names)

    def _reached(self, names):
        """The names, and those in the constants that they name."""
        reached, work = set(), list(names)
        while work:
            name = work.pop()
            if name not in reached:
                reached.add(name)
                work += self.constants.get(name, ())
        return reached

    def _instruction(self, function, line):
        called = None
        if not INLINE_ASSEMBLY.search(line) and (call := CALL.search(line)):
            called = call[2][1:].strip('"')
            if call[2][0] == "%":
                self.indirect[function].add(signature(call[1], inside(line, call.end())))
                called = None
            elif not called.startswith("llvm."):
                self.direct[function].add(called)
            elif lowered := LOWERED.get(".".join(called.split(".")[:2])):
                self.direct[function].add(lowered)
        names = [found.strip('"') for found in GLOBAL.findall(line)]
        if called in names:
            names.remove(called)
        self.taken.update(names)
        self.named[function].update(names)

    def callees(self, function):
        """All that a function may call."""
        return self.direct.get(function, set()) | self.targets.get(function, set())

    def externals(self):
        """What is called, and is in none of the modules."""
        return set().union(*self.direct.values()) - self.defined.keys()

    def components(self):
        """The functions in an order in which each comes after what it calls: sets, of several functions where they
        call each other (Tarjan's algorithm, without recursion)."""
        number, low, on_stack, stack = {}, {}, set(), []
        for root in sorted(self.defined):
            work = [] if root in number else [(root, None)]
            while work:
                node, rest = work.pop()
                if rest is None:
                    number[node] = low[node] = len(number)
                    stack.append(node)
                    on_stack.add(node)
                    rest = iter(sorted(self.callees(node) & self.defined.keys()))
                for callee in rest:
                    if callee not in number:
                        work += [(node, rest), (callee, None)]
                        break
                    if callee in on_stack:
                        low[node] = min(low[node], low[callee])
                else:
                    if work:
                        low[work[-1][0]] = min(low[work[-1][0]], low[node])
                    if low[node] == number[node]:
                        at = stack.index(node)
                        yield set(stack[at:])
                        on_stack.difference_update(stack[at:])
                        del stack[at:]

    def cycles(self):
        """The sets of functions that call each other, and functions that call themselves."""
        return [found for found in self.components() if len(found) > 1 or found & self.callees(min(found))]


def demangled(names):
    """Each name as the source has it, without the crates' hashes."""
    names = sorted(names)
    done = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True)
    plain = [re.sub(r"\[[0-9a-f]{8,}\]|::h[0-9a-f]{16}$", "", line) for line in done.stdout.splitlines()]
    return dict(zip(names, plain, strict=True))
