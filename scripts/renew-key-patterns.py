#!/usr/bin/env python3
"""Writes crates/runtime/src/patterns/rules.json anew from the rules of Betterleaks (MIT).

The rules travel, unchanged and with their licence, inside the crate `kingfisher-rules`, which cargo fetches from the
registry. See docs/decisions/key-patterns.md for what is taken and why.

    python3 scripts/renew-key-patterns.py [VERSION OF kingfisher-rules]
"""

import gzip
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "crates/runtime/src/patterns"
VERSION = sys.argv[1] if len(sys.argv) > 1 else "3.0.1"

# Made to be public: they belong into browser code and mobile apps.
PUBLIC = re.compile(r"public|pub-key|client-id|client-sdk|mobile-sdk|posthog-project")
# A command line in a text is no key by itself.
CONTEXT = re.compile(r"^curl-")

SECRET = r'finding\["secret"\]'
TEXT = r'(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)'


def fetch():
    """The sources that the crate carries, by address."""
    with tempfile.TemporaryDirectory() as folder:
        run = lambda *words: subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        run("cargo", "init", "--quiet", "--name", "renew", "--vcs", "none")
        run("cargo", "add", "--quiet", "--no-default-features", "--ignore-rust-version", f"kingfisher-rules@={VERSION}")
        run("cargo", "vendor", "--quiet", "vendor")
        packed = pathlib.Path(folder, "vendor/kingfisher-rules/generated/upstream-sources.json.gz")
        return json.loads(gzip.decompress(packed.read_bytes()))


def texts(array):
    """The entries of a list of texts."""
    return [json.loads(f'"{quoted}"') if quoted else raw for quoted, raw in re.findall(TEXT, array)]


def terms(source):
    """The alternatives of a filter: what makes a finding none. None if one of them is not understood."""
    taken = {}
    rest = re.sub(r"^\s*//.*$", "", source, flags=re.M).strip()
    while rest:
        entropy = re.match(rf"entropy\({SECRET}\)\s*<=?\s*([\d.]+)", rest)
        listed = re.match(rf"(!?)(matchesAny|containsAny)\((?:{SECRET}|attributes\[\"path\"\]),\s*\[((?:\s*{TEXT},?)*)\s*\]\)", rest)
        if entropy:
            taken["entropy"] = float(entropy[1])
        elif listed:
            if "attributes" not in listed[0].split("[", 2)[0] + listed[0][:40]:
                found = texts(listed[3])
                found = [re.escape(text) for text in found] if listed[2] == "containsAny" else found
                if listed[1]:
                    taken.setdefault("only", []).append("|".join(f"(?:{text})" for text in found))
                else:
                    taken.setdefault("unless", []).extend(found)
        else:
            return None
        rest = rest[(entropy or listed).end():].strip()
        if rest and not rest.startswith("||"):
            return None
        rest = rest.removeprefix("||").strip()
    return taken


def braces(text):
    """Go takes a brace that counts nothing for itself; Rust wants it escaped."""
    return re.sub(r"(?<!\\)\{(?!\d+(?:,\d*)?\})", r"\\{", text)


def take(rule):
    """One rule as it is kept; None if it is not."""
    if rule["confidence"] != "high" or rule.get("skipReport") or rule.get("path") or not rule.get("keywords"):
        return None
    if PUBLIC.search(rule["id"]) or CONTEXT.search(rule["id"]) or re.fullmatch(r"[\w-]+", rule["regex"]):
        return None
    taken = terms(rule.get("filter", ""))
    if taken is None:
        return None
    # a key that is an example is still shaped like a key, and would stand here
    unless = [text for text in taken.get("unless", []) if not re.fullmatch(r"\^?[\w-]{20,}", text)]
    kept = {"id": rule["id"], "keywords": rule["keywords"], "regex": braces(rule["regex"])}
    if "entropy" in taken:
        kept["entropy"] = taken["entropy"]
    if "valueGroup" in rule:
        kept["group"] = rule["valueGroup"]
    if unless:
        kept["unless"] = [braces(text) for text in unless]
    if taken.get("only"):
        kept["only"] = [braces(text) for text in taken["only"]]
    return kept


def main():
    sources = fetch()
    address = next(name for name in sources if name.endswith("/config/betterleaks.toml"))
    revision = address.split("/")[-3]
    config = tomllib.loads(sources[address])
    rules = sorted(filter(None, map(take, config["rules"])), key=lambda rule: rule["id"])
    placeholders = re.search(rf"matchesAny\({SECRET}, \[(.*?)\]\)", config["filter"], re.S)[1]
    head = {
        "source": f"betterleaks {revision}, config/betterleaks.toml, from kingfisher-rules {VERSION}",
        "license": "MIT, see LICENSE",
        "placeholders": [braces(text) for text in texts(placeholders)],
    }
    lines = [json.dumps(rule, ensure_ascii=False) for rule in rules]
    opening = json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")
    (TARGET / "rules.json").write_text(opening + ',\n "rules": [\n' + ",\n".join(lines) + "\n ]\n}\n")
    (TARGET / "LICENSE").write_text(sources[address.rsplit("/", 2)[0] + "/LICENSE"])
    print(f"{len(rules)} of {len(config['rules'])} rules, {(TARGET / 'rules.json').stat().st_size} bytes")


main()
