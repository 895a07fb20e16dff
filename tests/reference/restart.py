"""A new life of the engine: what is kept of the old one, and what is said at once (E29, E34, E35)."""

from bed import Bed
from choice import FALLBACK_AFTER
from level import PENDING
from rules import Rules
from telling import tell


def restart(old, t, how):
    """The bed of the new run, and the records of its first step. `how`: boot, until when the old one listened,
    and the setup of the new run."""
    setup = how["setup"]
    bed = Bed(Rules.read(setup), setup["run"], t)
    gone = keep(bed, old)
    if how["boot"] == "same":
        resume(bed, how["stopped"], t)
    else:
        begin_anew(bed, t)
    records = first_step(bed, gone, t)
    bed.schedule()
    return bed, records


def keep(bed, old):
    """E34: alarms, levels, signals, acknowledgements, values, sources. Returns the machines whose rule or source is gone."""
    bed.actions = old.actions
    kept_sources = {}
    for name, origin in old.sources.items():
        if name in bed.sources:
            kept_sources[name] = origin
    bed.sources |= kept_sources
    bed.choices = {vital: bed.choices.get(vital) or choice for vital, choice in old.choices.items()} | bed.choices
    for vital, choice in old.choices.items():
        choice.prefer = bed.rules.prefer.get(vital)
        choice.slots = [it for it in choice.slots if it.source.name in kept_sources]
        if choice.believed not in choice.slots:
            choice.believed = None
        bed.choices[vital] = choice
    gone = []
    by_rule = {(it.vital, it.direction): it for it in bed.limits}
    for machine in old.limits:
        heir = by_rule.get((machine.vital, machine.direction))
        if heir is None:
            gone.append((machine, "rule removed"))
        else:
            take_over(heir, machine)
    for (name, sensor), kept in old.sensors.items():
        if name in kept_sources:
            bed.sensors[name, sensor] = kept
        else:
            gone += [(it, "source removed") for it in kept.machines]
    for name, machines in old.silences.items():
        if name in kept_sources:
            bed.silences[name] = machines
        else:
            gone += [(it, "source removed") for it in machines]
    for machine in (*(it for kept in old.sensors.values() for it in kept.machines), *sum(old.silences.values(), [])):
        machine.bed = bed
    return [it for it in gone if it[0].alarm is not None]


def take_over(heir, machine):
    """E29: unchanged and changed rules keep their state, and the next value is judged by the new limit."""
    for level in heir.levels:
        before = next((it for it in machine.levels if it.name == level.name), None)
        if before is not None:
            for name in ("state", "onset", "decided", "present_at", "remaining", "thaw_by", "clear_at"):
                setattr(level, name, getattr(before, name))
    if machine.slot is not None and machine.slot.source.name not in heir.bed.sources:
        machine.slot = None
    for name in ("alarm", "worse", "void", "indeterminate", "indeterminate_at", "worst", "last_valid", "newest", "slot"):
        setattr(heir, name, getattr(machine, name))


def resume(bed, stopped, t):
    """E34, same boot: every timer resumes exactly, but silence counts only while somebody listens."""
    for origin in bed.sources.values():
        if origin.silent_at is not None:
            origin.silent_at += t - stopped
        elif origin.silent:
            origin.silent_at = t + origin.fresh_for
    bed.is_mute = True
    bed.schedule()
    bed.run_until(t)  # E35: what fell due meanwhile is done without a word
    bed.is_mute = False


def begin_anew(bed, t):
    """E34, other boot: pending levels and values are dropped, acknowledgements are on again, present levels stay."""
    for origin in bed.sources.values():
        origin.slots = {}
        origin.silent_at = t + origin.fresh_for
        origin.silent = origin.port_gone = origin.late = False
    for choice in bed.choices.values():
        choice.slots, choice.believed = [], None
        choice.open, choice.open_at = False, t + FALLBACK_AFTER
    for machine in bed.machines():
        for level in machine.levels:
            if level.state == PENDING:
                level.become_clear()
        machine.slot = machine.last_valid = machine.newest = None
        machine.indeterminate_at = None
        alarm = machine.alarm
        if alarm is None:
            continue
        if alarm.signal == "acknowledged":
            alarm.annunciate_again()
            machine.worse = None
        if machine.escalate_at is not None:
            machine.escalate_at = t + machine.settings.urgent_after


def first_step(bed, gone, t):
    """E35: each kept alarm says that it goes on, or what has changed, and that there was a restart."""
    for machine, why in gone:
        machine.bed = bed
        for level in machine.levels:
            level.become_clear()
        machine.alarm.was_reset = True
        machine.settle(t)
        machine.alarm.signal = "off"
        machine.alarm.reason = why
    kept = [it for it in bed.machines() if it.alarm is not None]
    for machine in kept:
        machine.settle(t)
        told = machine.alarm.told
        if machine.indeterminate and (told is None or told[0] == "clear"):
            bed.reaches("an alarm that begins while nobody listens and is void for G by then")
        if machine.is_present() and told is not None and told[0] != "clear":
            machine.indeterminate = True
    bed.touched = {}
    resets = sorted((machine for machine, _ in gone), key=lambda it: it.order)
    said = [tell(bed, it, t, restarted=True) for it in [*resets, *sorted(kept, key=lambda it: it.order)]]
    return [it for it in said if it is not None]
