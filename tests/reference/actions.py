"""Operator actions: who may, what is refused, and what each does (E24 to E29)."""

from level import VOID
from words import RANK

STALE_AFTER = 60_000
KNOWN_IDS = 64
LONGEST = {"audio_paused": 120_000, "alarm_paused": 180_000, "audio_off": 8 * 3_600_000, "alarm_off": 8 * 3_600_000}
TOLD_AND_SEEN = ("device_changed", "source_switched")


def act(bed, t, action):
    """One action: its records, and its reply (outcome, reason)."""
    records = bed.begin_input(t)
    known = bed.actions.get(action["id"])
    if known is not None:
        return records + bed.end_step(t), {"outcome": "duplicate", "first": known.get("reason", "accepted")}
    told = []
    reply = decide(bed, t, action, told)
    bed.actions[action["id"]] = reply
    while len(bed.actions) > KNOWN_IDS:
        del bed.actions[next(iter(bed.actions))]
    return records + told + bed.end_step(t), reply


def decide(bed, t, action, told):
    """E24: in this order. `told`: the records of the alarms that the action itself ends."""
    if action.get("seen_boot", "same") != "same" or t - action.get("seen_ms", t) > STALE_AFTER:
        return refused("stale")
    if action["do"] != "admit" and action.get("stay") is not None and action["stay"] != bed.stay:
        return refused("other_stay")
    if not may(bed, action):
        return refused("not_allowed")
    if action.get("for_ms", 0) > LONGEST.get(action["do"], 0):
        return refused("too_long")
    if action["do"] in ("acknowledge", "reset"):
        return of_an_alarm(bed, t, action, told)
    return DO[action["do"]](bed, t, action, told)


def may(bed, action):
    """Whether this role may, or anybody."""
    role = action.get("role", "nurse")
    if action["do"] == "alarm_off":
        whole = action["include_extreme"]
        return role == "physician" if whole else action["rule"] != "apnea"
    if action["do"] == "limits":
        return role in ("nurse", "physician")
    if action["do"] == "observe":
        return (action["name"], action["value"]) != ("scale", "2") or role == "physician"
    return True


# ---- One alarm, or what can be reset of all.


def of_an_alarm(bed, t, action, told):
    open_machines = [it for it in bed.machines() if it.alarm is not None]
    if action["do"] == "reset" and action.get("alarm") is None:
        return reset_bed(bed, t, open_machines, told)
    machine = next((it for it in open_machines if it.alarm.id == action["alarm"]), None)
    if machine is None:
        return refused("no_such_alarm")
    if machine.code == "alarms_inactive":
        return refused("not_allowed")
    if action["do"] == "reset":
        return reset(bed, t, machine, told)
    return acknowledge(bed, t, machine, action, told)


def acknowledge(bed, t, machine, action, told):
    alarm = machine.alarm
    if RANK[action["seen"]] < RANK[alarm.priority]:
        return refused("changed")
    if machine.code in TOLD_AND_SEEN or alarm.signal == "latched":
        return reset(bed, t, machine, told)  # the table: as reset
    if alarm.signal != "acknowledged":
        machine.acknowledge(t, action["by"])
    return accepted()


def reset(bed, t, machine, told):
    if not can_be_reset(machine):
        return refused("present")
    if machine.code in TOLD_AND_SEEN:
        machine.reset_whole(None)
        machine.said = VOID
    else:
        machine.reset()
    told += bed.tell_all([machine], t)
    machine.begin_again(t)
    return accepted()


def reset_bed(bed, t, machines, told):
    """Resets what can be reset, and is refused only if nothing can."""
    machines = [it for it in machines if it.code != "alarms_inactive"]
    resettable = sorted((it for it in machines if can_be_reset(it)), key=lambda it: it.order)
    for machine in resettable:
        reset(bed, t, machine, told)
    if resettable:
        return accepted()
    return refused("present" if machines else "no_such_alarm")


def can_be_reset(machine):
    alarm = machine.alarm
    return machine.code in TOLD_AND_SEEN or alarm.signal == "latched" or alarm.condition == "indeterminate"


# ---- What is paused or off.


def audio_paused(bed, t, action, _):
    until = end_of(t, action)
    signals = [it.alarm.signal for it in bed.machines() if it.alarm is not None and it is not bed.inactive.advisory]
    if not any(it in ("on", "latched") for it in signals):
        return refused("nothing_to_pause")
    bed.inactive.pause_audio(until)
    return accepted()


def alarm_paused(bed, t, action, _):
    bed.inactive.pause_alarms(end_of(t, action))
    return accepted()


def audio_off(bed, t, action, _):
    bed.inactive.turn_audio_off(t, end_of(t, action))
    return accepted()


def alarm_off(bed, t, action, told):
    machines = [it for it in (*bed.limits, *bed.apneas) if it.code == action["rule"]]
    if not machines:
        return refused("no_such_rule")
    if action["for_ms"] == 0:
        for machine in machines:
            bed.inactive.turn_on(t, machine)
        return accepted()
    whole = action["include_extreme"]
    if not whole and any(it.levels[-1].state == "present" and it.levels[-1].name == "extreme" for it in machines):
        return refused("present")
    for machine in machines:
        bed.inactive.turn_off(machine, end_of(t, action), whole)
    told += bed.end_alarms(t, machines, action["reason"], keep_extreme=not whole)
    return accepted()


def end_of(t, action):
    return t + action["for_ms"] if action["for_ms"] else None


# ---- The bed without its patient.


def standby(bed, t, action, told):
    if not bed.inactive.standby:
        told += bed.begin_standby(t, action["reason"])
    return accepted()


def resume(bed, t, _action, _told):
    if bed.inactive.standby:
        bed.end_standby(t)
    return accepted()


def discharge(bed, t, action, told):
    bed.forget_stay(t)
    bed.stay = None
    return standby(bed, t, action, told)


def admit(bed, t, action, told):
    if bed.stay == action["to"]:
        bed.no_patient.end(t)
        return accepted()
    told += bed.admit(t, action["to"])
    return accepted()


def accepted():
    return {"outcome": "accepted"}


def refused(reason):
    return {"outcome": "refused", "reason": reason}


DO = {
    "audio_paused": audio_paused, "alarm_paused": alarm_paused, "audio_off": audio_off, "alarm_off": alarm_off,
    "standby": standby, "resume": resume, "discharge": discharge, "admit": admit,
}
