"""Records: the net change of one alarm in one step, and that it goes on (E18, E20, E21, E27)."""

from words import RANK


def tell(bed, machine, t, restarted=False):
    """The record of this step, or None if nothing changed and nothing is due."""
    alarm = machine.alarm
    if alarm is None:
        return None
    if alarm.told is None and alarm.is_over():
        machine.alarm = None  # begun and over within one step: nobody was told
        return None
    restarted = restarted and alarm.told is not None  # what was born meanwhile is not kept of old
    if restarted and alarm.condition == "indeterminate" and alarm.told[0][0] != "clear":
        # E35: that nobody can tell is what the `continue` says anyway.
        alarm.condition = alarm.told[0][0]
    if restarted and machine.condition() == "clear":
        # E20: a record without a present level keeps the last that was told.
        alarm.priority, alarm.level, alarm.onset, alarm.decided, alarm.limit = alarm.stood_at
    phase = phase_of(machine, alarm)
    reminder = alarm.owes_reminder or (alarm.remind_at is not None and alarm.remind_at <= t)
    if phase is None:
        due_again = alarm.continue_at is not None and alarm.continue_at <= t
        if not (restarted or due_again or reminder):
            return None
        phase = "continue"
    if reminder:
        alarm.remind_at = t + bed.rules.reminder  # E27: every 180 s
    if phase != "continue":
        alarm.revision += 1  # E18: the revision counts the changes
    if alarm.id is None:
        bed.born += 1
        alarm.id = f"{bed.run}/{bed.born}"
    alarm.condition = machine.condition()
    if alarm.peak is None or RANK[alarm.priority] > RANK[alarm.peak]:
        alarm.peak = alarm.priority
    record = describe(machine, alarm, t, phase)
    if reminder and not alarm.is_over():  # E27: what is over reminds of nothing
        record["reminder"] = True
    if restarted:
        record["restarted"] = True
    alarm.told = state(machine, alarm)
    alarm.stood_at = (alarm.priority, alarm.level, alarm.onset, alarm.decided, alarm.limit)
    alarm.reason, alarm.owes_reminder = None, False
    alarm.continue_at = t + bed.rules.continue_every  # E21: after the last record of any phase
    if alarm.is_over():
        machine.alarm = None
    return record


def state(machine, alarm):
    """What makes a change if it differs from the last record."""
    stands = (alarm.condition, alarm.signal, alarm.priority, alarm.level, alarm.limit, machine.cause(), machine.news(),
              alarm.cover)
    return (stands, alarm.escalation_level)


def phase_of(machine, alarm):
    """E20; None: nothing changed."""
    now = state(machine, alarm)
    if alarm.told is None:
        return "start"
    if now[0] == alarm.told[0] and now[1] <= alarm.told[1]:
        return None  # E23a: back to 0 without a record of its own
    if alarm.is_over():
        return "reset" if alarm.was_reset else "end"
    condition, _, priority, *_ = alarm.told[0]
    if alarm.condition == "clear":
        return "update"
    if alarm.priority != priority:
        if RANK[alarm.priority] > RANK[priority]:
            return "escalate"
        return "update" if condition == "clear" else "de_escalate"
    return "update"


def describe(machine, alarm, t, phase):
    """The state after the step (E4)."""
    record = {
        "up_ms": t,
        "id": alarm.id,
        "revision": alarm.revision,
        "kind": machine.kind,
        "code": machine.code,
        "vital": machine.vital,
        "phase": phase,
        "condition": alarm.condition,
        "signal": alarm.signal,
        "priority": alarm.priority,
        "peak_priority": alarm.peak,
        "onset_ms": alarm.onset,
        "decided_ms": alarm.decided,
        "acknowledged_by": alarm.acknowledged_by,
        "acknowledged_ms": alarm.acknowledged_at,
        "escalation_level": alarm.escalation_level or None,
        "latching": alarm.latching or None,
        "inactivation": alarm.cover[0],
        "until_ms": alarm.cover[1],
    }
    if alarm.reason is not None:
        record["reason"] = alarm.reason
    if alarm.told is not None and alarm.told[0][2] != alarm.priority:
        record["previous_priority"] = alarm.told[0][2]
    if alarm.is_over():
        record["ended_ms"] = t
    record |= machine.about(t)
    return {name: value for name, value in record.items() if value is not None and value != []}
