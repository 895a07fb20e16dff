"""Operator actions: the table of acknowledge and reset, and what is refused (E24)."""

from words import RANK

STALE_AFTER = 60_000
KNOWN_IDS = 64


def act(bed, t, action):
    """One action: its records, and its reply (outcome, reason)."""
    records = bed.begin_input(t)
    known = bed.actions.get(action["id"])
    if known is not None:
        return records + bed.end_step(t), {"outcome": "duplicate", "first": known.get("reason", "accepted")}
    reply = decide(bed, t, action)
    bed.actions[action["id"]] = reply
    while len(bed.actions) > KNOWN_IDS:
        del bed.actions[next(iter(bed.actions))]
    return records + bed.end_step(t), reply


def decide(bed, t, action):
    if t - action["seen_ms"] > STALE_AFTER:
        return refused("stale")
    open_machines = [it for it in bed.machines() if it.alarm is not None]
    if action["do"] == "reset" and action.get("alarm") is None:
        return reset_bed(open_machines)
    machine = next((it for it in open_machines if it.alarm.id == action["alarm"]), None)
    if machine is None:
        return refused("no_such_alarm")
    if action["do"] == "reset":
        return reset(machine)
    return acknowledge(machine, t, action)


def acknowledge(machine, t, action):
    alarm = machine.alarm
    if RANK[action["seen"]] < RANK[alarm.priority]:
        return refused("changed")
    if alarm.signal == "latched":
        return reset(machine)  # the table: as reset
    if alarm.signal != "acknowledged":
        machine.acknowledge(t, action["by"])
    return {"outcome": "accepted"}


def reset(machine):
    if not can_be_reset(machine):
        return refused("present")
    machine.reset()
    return {"outcome": "accepted"}


def reset_bed(machines):
    """Resets what can be reset, and is refused only if nothing can."""
    resettable = [it for it in machines if can_be_reset(it)]
    for machine in resettable:
        machine.reset()
    if resettable:
        return {"outcome": "accepted"}
    return refused("present" if machines else "no_such_alarm")


def can_be_reset(machine):
    return machine.alarm.signal == "latched" or machine.alarm.condition == "indeterminate"


def refused(reason):
    return {"outcome": "refused", "reason": reason}
