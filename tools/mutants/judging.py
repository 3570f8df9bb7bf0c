"""Verdicts: a mutant is caught by a failing test, missed, unviable (it does not compile), or runs out of time."""
import re
import resource
import signal
import subprocess
import sys

# A test that takes longer than this is run alone, and after the quick ones.
QUICK = 0.3


class Judge:
    """The compiled mutants, and how long each test takes without one."""

    def __init__(self, tree, binary):
        self.tree, self.binary = tree, binary
        done = self.start(0, ["--report-time"], 3600)
        if not done or done.returncode:
            output = done.stdout.decode() if done else "out of time"
            sys.exit(f"mutants: the tests fail without a mutant:\n{output[-3000:]}")
        found = re.findall(rb"^test (\S+)(?: - should panic)? \.\.\. ok <([\d.]+)s>", done.stdout, re.M)
        self.seconds = {name.decode(): float(seconds) for name, seconds in found}
        if not self.seconds:
            sys.exit("mutants: there is no test")
        self.slow = sorted((name for name, took in self.seconds.items() if took > QUICK), key=self.seconds.get)

    def start(self, number, arguments, seconds, binary=None):
        """Runs tests with a mutant; nothing if they need more processor time, or six times as long by the clock."""
        command = [binary or self.binary, "-Zunstable-options", "--test-threads=1", *arguments]
        limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        env = self.tree.env | {"MUTANT": str(number)}
        try:
            done = subprocess.run(
                command, cwd=self.tree.plain, env=env, capture_output=True, preexec_fn=limit, timeout=6 * seconds
            )
        except subprocess.TimeoutExpired:
            return None
        return None if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL) else done

    def rounds(self, layer):
        """The tests in the order in which they are tried: quick ones of the mutant's layer, all quick ones, each slow one."""
        quick = [name for name in self.seconds if name not in self.slow]
        own = [name for name in quick if name.startswith(f"{layer}::")]
        yield own
        yield [name for name in quick if name not in own]
        yield from ([name] for name in sorted(self.slow, key=lambda name: not name.startswith(f"{layer}::")))

    def judge(self, mutant, binary=None):
        """Its verdict, and the test that said so: chosen in the binary of all, or compiled into one of its own."""
        layer = mutant["file"].split("/")[1].removesuffix(".rs")
        for names in filter(None, self.rounds(layer)):
            seconds = 10 + int(5 * sum(self.seconds[name] for name in names))
            done = self.start(mutant["number"], ["--fail-fast", "--exact", *names], seconds, binary)
            if not done:
                return "timeout", names[0] if len(names) == 1 else "-"
            if done.returncode:
                failed = re.search(rb"^test (\S+) .*FAILED", done.stdout, re.M)
                return "caught", failed[1].decode() if failed else f"status {done.returncode}"
        return "missed", "-"


def judge_left(judge, mutants):
    """The verdicts on what is built one by one."""
    for mutant in mutants:
        binary = judge.tree.build_alone(mutant)
        yield mutant, judge.judge(mutant, binary) if binary else ("unviable", "-")
