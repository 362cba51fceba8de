"""Checks that the tracked JSON and YAML files parse and that the links inside the documents lead somewhere."""

import json
import pathlib
import re
import subprocess
import sys
import unicodedata

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Examples that are malformed on purpose.
MALFORMED = re.compile(r"(^|/)(invalid|malformed|Fixtures|Vectors)(/|$)")

problems = []


def files(*patterns):
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout
    return sorted({ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()})


def relative(path):
    return path.relative_to(ROOT).as_posix()


def check_data():
    for path in files("*.json", ".swift-format"):
        if MALFORMED.search(relative(path)):
            continue
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            problems.append(f"{relative(path)}: {error}")
    for path in files("*.yml", "*.yaml"):
        if MALFORMED.search(relative(path)):
            continue
        try:
            list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        except (ValueError, yaml.YAMLError) as error:
            problems.append(f"{relative(path)}: {error}")


def without_code(text):
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(path):
    found, text = set(), re.sub(r"^(```|~~~).*?^\1", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", text, flags=re.MULTILINE):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = "".join(
            c for c in heading if c in " -_" or unicodedata.category(c)[0] in "LN").replace(" ", "-")
        number, unique = 0, slug
        while unique in found:
            number += 1
            unique = f"{slug}-{number}"
        found.add(unique)
    return found


def check_links():
    for path in files("*.md"):
        text = without_code(path.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)", text):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            name, _, anchor = target.partition("#")
            linked = (path.parent / name).resolve() if name else path
            if not linked.exists():
                problems.append(f"{relative(path)}: the link to {target} leads nowhere")
            elif anchor and linked.suffix == ".md" and anchor not in anchors(linked):
                problems.append(f"{relative(path)}: {target}: there is no such heading")


check_data()
check_links()
for problem in problems:
    print(problem, file=sys.stderr)
sys.exit(1 if problems else 0)
