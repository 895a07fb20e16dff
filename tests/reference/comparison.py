"""Two sides, one input: the reference's records against the engine's, and the smallest input where they differ."""

import json
import subprocess

from lines import Lines


def reference(lines):
    bed = Lines()
    return [said for line in lines for said in bed.feed(line)]


class Engine:
    """The other side: a program that reads the same lines."""

    def __init__(self, driver):
        self.driver = driver

    def __call__(self, lines):
        text = "\n".join(json.dumps(it) for it in lines) + "\n"
        done = subprocess.run([self.driver], input=text, capture_output=True, text=True, check=False)
        records = [json.loads(it) for it in done.stdout.splitlines()]
        if done.returncode != 0:
            records.append({"the engine's driver stopped": done.stderr.strip()[-500:]})
        return records


def key_of(said):
    """What makes two records the same one."""
    if "id" in said:
        return ("record", said["up_ms"], said["id"], said["revision"], said["phase"])
    return ("answer", said.get("t"), said.get("reply_to"))


class Difference:
    """What one side says and the other does not; and what both say differently, order included."""

    def __init__(self, wanted, told):
        wanted_keys, told_keys = [key_of(it) for it in wanted], [key_of(it) for it in told]
        of_wanted, of_told = dict(zip(wanted_keys, wanted)), dict(zip(told_keys, told))
        self.missing = [it for it in wanted if key_of(it) not in of_told]
        self.extra = [it for it in told if key_of(it) not in of_wanted]
        self.different = [
            (of_wanted[key], of_told[key]) for key in of_wanted if key in of_told and of_wanted[key] != of_told[key]
        ]
        self.is_unordered = not (self.missing or self.extra) and wanted_keys != told_keys

    def __bool__(self):
        return bool(self.missing or self.extra or self.different or self.is_unordered)


def in_order(lines):
    """Whether time falls only at a restart of another boot."""
    for before, line in zip(lines, lines[1:]):
        other = "restart" in line and line["restart"]["boot"] == "other"
        since = line["restart"]["stopped"] if "restart" in line else line["t"]
        refused = "observe" in line and line["t"] == before["t"] - 1
        if since < before["t"] and not refused or not other and line["t"] < before["t"] and not refused:
            return False
    return True


def shrink(lines, differs_at_all):
    """The smallest input that still differs: a shorter one first, then without this or that part."""
    def differs(it):
        return in_order(it) and differs_at_all(it)

    lines = shorten(lines, differs)
    size = max(1, len(lines) // 2)
    while True:
        lines, removed = without_parts(lines, size, differs)
        if size == 1 and not removed:
            break
        size = max(1, size // 2)
    for simpler in simplifications(lines):
        if differs(simpler):
            lines = simpler
    return without_parts(lines, 1, differs)[0]


def shorten(lines, differs):
    """The shortest beginning that differs."""
    low, high = 1, len(lines)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if differs(lines[:middle]) else (middle + 1, high)
    return lines[:high]


def without_parts(lines, size, differs):
    removed = False
    at = 1  # the first line is the setup
    while at < len(lines):
        fewer = lines[:at] + lines[at + size:]
        if len(fewer) < len(lines) and differs(fewer):
            lines, removed = fewer, True
        else:
            at += size
    return lines, removed


def simplifications(lines):
    """The same input with fewer rules, and with one vital fewer."""
    rules = lines[0]["setup"]["rules"]
    kept = list(rules)
    for rule in rules:
        kept = [it for it in kept if it is not rule]
        setup = lines[0]["setup"] | {"rules": kept}
        yield [lines[0] | {"setup": setup}, *lines[1:]]
        kept = [*kept, rule]
