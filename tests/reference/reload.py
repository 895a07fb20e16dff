"""Other rules within a run (E29)."""

from apnea import ApneaMachine
from choice import FALLBACK_AFTER
from level import PRESENT
from limit import LimitMachine
from rules import Rules
from words import SENSOR_OF, TABLE_ORDER

KEPT = ("alarm", "worse", "void", "indeterminate", "indeterminate_at", "worst", "last_valid", "newest", "slot", "waits_after",
        "opens_at")


def reload(bed, t, setup):
    """The records of the step. Sources, preferences and the stay are no part of the rules."""
    records = bed.begin_input(t)
    rules = Rules.read(setup)
    limits = [follow(bed, LimitMachine(bed, it), bed.limits, t) for it in rules.limits]
    apneas = [
        follow(bed, ApneaMachine(bed, it, index == 0), bed.apneas, t)
        for index, it in enumerate(sorted(rules.apnea, key=lambda it: TABLE_ORDER[it.vital]))
    ]
    gone = [it for it in (*bed.limits, *bed.apneas) if it not in limits and it not in apneas]
    told = end_what_is_no_more(bed, t, gone, [*limits, *apneas])
    changed = [it for it in limits if it not in bed.limits]
    changed += [it for it in apneas if it not in bed.apneas or it.is_first != (it is bed.apneas[0])]
    bed.rules, bed.limits, bed.apneas = rules, limits, apneas
    bed.every_machine = None
    bed.follow_rules(t)
    watch(bed, t)
    for machine in changed:
        bed.judge_limit(t, machine)
    return records + told + bed.end_step(t)


def follow(bed, new, olds, t):
    """The machine of a rule: as it was if the rule is the same, else another in its state."""
    old = next((it for it in olds if (it.code, it.vital) == (new.code, new.vital)), None)
    if old is not None and old.rule == new.rule:
        if new.code == "apnea":
            old.is_first = new.is_first
        return old
    if old is None:
        new.opens_at = t + FALLBACK_AFTER
        return new
    for name in KEPT:
        if hasattr(old, name):
            setattr(new, name, getattr(old, name))
    for level in new.levels:
        before = next((it for it in old.levels if it.name == level.name and it.state == PRESENT), None)
        if before is not None:
            level.state, level.onset, level.decided, level.clear_at = PRESENT, before.onset, before.decided, before.clear_at
    if new.worse is not None:
        new.worse = None if new.rule.worse_by is None else new.hidden_level(new.worse.limit)
    if old.rule.fallback_for != new.rule.fallback_for:
        new.opens_at = t + FALLBACK_AFTER
    if old in bed.inactive.off:
        bed.inactive.off[new] = bed.inactive.off.pop(old)
    return new


def end_what_is_no_more(bed, t, gone, heirs):
    """Its alarm is reset before the step's other records."""
    kept = {(it.code, it.vital) for it in heirs}
    removed = [it for it in gone if (it.code, it.vital) not in kept]
    for machine in removed:
        bed.inactive.off.pop(machine, None)
    return bed.end_alarms(t, removed, "rule removed")


def watch(bed, t):
    """E30, H6: what has a rule is missed when it is not named any more."""
    for origin in bed.sources.values():
        for slot in origin.slots.values():
            bed.watch(slot)
            if origin.misses():
                slot.note_missed()
        for sensor in {SENSOR_OF[it] for it in origin.slots}:
            bed.sensor(origin, sensor).judge(t)
