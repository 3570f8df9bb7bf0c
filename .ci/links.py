#!/usr/bin/env python3
"""Checks that the relative links of the Markdown files in a directory lead somewhere in it: `.ci/links.py DIRECTORY`."""
import re
import sys
from pathlib import Path

# [text](target), ![text](target) and [text]: target; what is in code is no link.
LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)|^\[[^]]+\]:\s+(\S+)", re.M)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.M | re.S)


def anchors(path):
    """The names that headings have as link targets."""
    titles = re.findall(r"^#+\s+(.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def broken(root, file):
    for target in filter(None, sum(LINK.findall(CODE.sub("", file.read_text())), ())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (file.parent / name).resolve() if name else file
        if not path.is_relative_to(root) or not path.exists():
            yield f"{file.relative_to(root)}: {target}: not there"
        elif anchor and path.suffix == ".md" and anchor not in anchors(path):
            yield f"{file.relative_to(root)}: {target}: no such heading"


def main():
    root = Path(sys.argv[1]).resolve()
    files = sorted(file for file in root.rglob("*.md") if "target" not in file.relative_to(root).parts)
    failures = [failure for file in files for failure in broken(root, file)]
    print(*failures, sep="\n", file=sys.stderr, end="\n" if failures else "")
    links = sum(len(LINK.findall(CODE.sub("", file.read_text()))) for file in files)
    print(f"{links} links in {len(files)} files")
    sys.exit(1 if failures or not links else 0)


main()
