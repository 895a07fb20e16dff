"""A new life of the engine: what is kept of the old one, and what is said at once (E29, E34, E35)."""

from bed import Bed
from choice import FALLBACK_AFTER
from equipment import FLAGS
from level import IN, VOID
from rules import Rules
from telling import tell
from words import TABLE_ORDER


def restart(old, t, how):
    """The bed of the new run, and the records of its first step. `how`: boot, until when the old one listened,
    and the setup of the new run."""
    setup = how["setup"]
    bed = Bed(Rules.read(setup), setup["run"], t)
    gone = keep(bed, old, how, t)
    for origin in bed.sources.values():
        origin.unheard = True
        if how["boot"] == "same":  # of another boot nothing is held that could be judged
            bed.miss_nothing(how["stopped"], origin)
        bed.equipment[origin.name]["suspect"].fall_silent(how["stopped"])
    waiting = {it for it in bed.machines() if it.is_present() and it.kind != "advisory"}  # E35: what was present at the snapshot
    for machine in waiting:
        machine.waits_after = bed.words
    if how["boot"] == "same":
        resume(bed, how["stopped"], t)
    else:
        begin_anew(bed, [it for it, _ in gone], how["stopped"], t)
    records = first_step(bed, gone, waiting, t)
    bed.schedule()
    return bed, records


def keep(bed, old, how, t):
    """E34: alarms, levels, signals, acknowledgements, values, sources. Returns the machines whose rule or source is gone."""
    bed.actions, bed.words, bed.flag_word = old.actions, old.words, old.flag_word
    bed.stay, bed.life_at = old.stay, old.life_at
    kept_sources = {}
    for name, origin in old.sources.items():
        if name in bed.sources or not origin.is_announced:
            kept_sources[name] = origin
        if name in bed.sources:
            origin.announce(bed.sources[name])
    bed.sources |= kept_sources
    for origin in kept_sources.values():
        for slot in origin.slots.values():
            bed.watch(slot)
    bed.lost = []
    bed.choices = {vital: bed.choices.get(vital) or choice for vital, choice in old.choices.items()} | bed.choices
    for vital, choice in old.choices.items():
        choice.prefer = bed.rules.prefer.get(vital)
        choice.slots = [it for it in choice.slots if it.source.name in kept_sources]
        if choice.believed is not None and choice.believed not in choice.slots:
            choice.lose()
            bed.lost.append(vital)
        bed.choices[vital] = choice
    gone = []
    wait_anew(bed, old, t)
    by_rule = {(it.vital, it.direction): it for it in bed.limits}
    for machine in (*old.limits, *old.apneas):
        if machine.slot is not None and machine.slot.source.name not in bed.sources:
            machine.slot = None
    for machine in old.limits:
        heir = by_rule.get((machine.vital, machine.direction))
        if heir is None:
            gone.append((machine, "rule removed"))
        else:
            take_over(heir, machine)
    for machine in old.apneas:
        heir = next((it for it in bed.apneas if it.vital == machine.vital), None)
        if heir is None:
            gone.append((machine, "rule removed"))
        else:
            take_over(heir, machine)
    for (name, sensor), kept in old.sensors.items():
        if name in kept_sources:
            bed.sensors[name, sensor] = kept
            kept.bed = bed
        else:
            gone += [(it, "source removed") for it in kept.machines]
    for name, machines in old.silences.items():
        if name in kept_sources:
            bed.silences[name] = machines
        else:
            gone += [(it, "source removed") for it in machines]
    for name, machines in old.equipment.items():
        if name in kept_sources:
            bed.equipment[name] = machines
        else:
            gone += [(it, "source removed") for it in machines.values()]
    bed.disagreements, bed.switches, bed.no_patient = old.disagreements, old.switches, old.no_patient
    bed.inactive.kept(old.inactive, how["boot"], t - how["stopped"], how["stopped"], t)
    for machine in (*bed.disagreements, *bed.switches.values(), bed.no_patient):
        machine.bed = bed
    for machines in bed.equipment.values():
        for machine in machines.values():
            machine.bed = bed
    for machine in (*(it for kept in old.sensors.values() for it in kept.machines), *sum(old.silences.values(), [])):
        machine.bed = bed
    bed.every_machine = None
    return [it for it in gone if it[0].alarm is not None]


def wait_anew(bed, old, t):
    """E29: a rule that waits for a fallback anew."""
    known = {(it.code, it.vital) for it in (*old.limits, *old.apneas)}
    for machine in (*bed.limits, *bed.apneas):
        if machine.rule.fallback_for is not None and (machine.code, machine.vital) not in known:
            machine.opens_at = t + FALLBACK_AFTER


def take_over(heir, machine):
    """E29: unchanged and changed rules keep their state, and the next value is judged by the new limit."""
    if heir.code == "apnea":
        heir.levels[0].__dict__.update({k: v for k, v in machine.levels[0].__dict__.items() if k != "time"})
    for level in heir.levels if heir.code != "apnea" else ():
        before = next((it for it in machine.levels if it.name == level.name), None)
        if before is not None:
            keep_level(level, before)
    if getattr(machine, "worse", None) is not None and heir.rule.worse_by is not None:
        heir.worse = heir.hidden_level(machine.worse.limit)
        keep_level(heir.worse, machine.worse)
    for name in (
        "alarm", "void", "indeterminate", "indeterminate_at", "worst", "last_valid", "newest", "slot",
        "waits_after", "opens_at",
    ):
        if hasattr(machine, name):
            setattr(heir, name, getattr(machine, name))


def keep_level(level, before):
    for name in ("state", "onset", "decided", "present_at", "remaining", "thaw_by", "clear_at"):
        setattr(level, name, getattr(before, name))


def resume(bed, stopped, t):
    """E34, same boot: every timer resumes exactly, but silence counts only while somebody listens."""
    for origin in bed.sources.values():
        origin.silent_at = t + origin.fresh_for if origin.silent_at is None else origin.silent_at + t - stopped
    for machine in bed.machines():
        if machine.alarm is not None:
            machine.alarm.stand_still(stopped)
    bed.is_mute = True
    for origin in bed.sources.values():
        for flag in ("bad_data_rate", "clock_skew"):  # E34: what the agent says of a line is off until it says so again
            origin.flags.discard(flag)
            bed.equipment[origin.name][flag].said = IN
    for vital in sorted(bed.lost, key=TABLE_ORDER.__getitem__):
        if bed.choices[vital].note(stopped):
            bed.shut_fallbacks(stopped, vital)
        for machine in bed.by_vital.get(vital, ()):
            bed.judge_limit(stopped, machine)
    bed.judge_agreement(stopped)
    for machine in bed.apneas[:1]:
        if machine.is_flagged() and not machine.is_present():
            bed.judge_limit(stopped, machine)  # E29: the device's word is that of the rule that is now the first
    bed.schedule()
    bed.run_until(t)  # E35: what fell due meanwhile is done without a word
    bed.is_mute = False


def begin_anew(bed, gone, stopped, t):
    """E34, other boot: pending levels and values are dropped, acknowledgements are on again, present levels stay."""
    by = t - stopped  # E35: times of another boot are moved as if no time had passed
    for origin in bed.sources.values():
        origin.slots = {}
        origin.silent_at = t + origin.fresh_for  # as at the engine's start
        # E12a: what was told of an open `no_data` stays its cause.
        origin.late = origin.late and bed.silences[origin.name][0].alarm is not None
        origin.cuff_time = origin.device_time = origin.cuff_stale_at = origin.inflates_until = None
        origin.inflates = origin.cuff_was_absent = False
        origin.flags.clear()
        bed.equipment[origin.name]["suspect"].said = VOID
        for code in FLAGS:
            bed.equipment[origin.name][code].said = IN
    bed.life_at = None
    for choice in bed.choices.values():
        choice.slots, choice.believed = [], None
        choice.open, choice.open_at = False, t + FALLBACK_AFTER
    for sensor in bed.sensors.values():
        sensor.forget()
    for machine in (*bed.machines(), *gone):
        machine.move(by)
        machine.forget_values()
        alarm = machine.alarm
        if alarm is not None:
            alarm.stand_still(t)
            alarm.audio_paused = None
            if alarm.signal == "acknowledged":
                alarm.annunciate_again()


def first_step(bed, gone, waiting, t):
    """E35: each kept alarm says that it goes on, or what has changed, and that there was a restart."""
    for origin in bed.sources.values():
        if (origin.silent or origin.port_gone) and origin.silent_at is None:
            origin.silent_at = t + origin.fresh_for
    for machine, why in gone:
        machine.bed = bed
        if machine.kind == "physiological":
            # What is told of it is what is known now, by the source that is believed now.
            machine.slot = bed.choices[machine.vital].believed if machine.vital in bed.choices else None
        for level in machine.levels:
            level.become_clear()
        machine.alarm.was_reset = True
        machine.settle(t)
        machine.alarm.signal, machine.alarm.cover = "off", (None, None)  # E25: nothing covers what is off
        machine.alarm.reason = why
    bed.inactive.advise(t)
    for machine in bed.machines():
        machine.settle(t)
        if machine in waiting and machine.is_present() and not machine.alarm.began_again:
            machine.indeterminate = True
            machine.waits_after = bed.words
            machine.settle(t)
        if machine.alarm is not None:
            machine.alarm.began_again = False
    bed.touched = {}
    resets = sorted((machine for machine, _ in gone), key=lambda it: it.order)
    kept = sorted((it for it in bed.machines() if it.alarm is not None), key=lambda it: it.order)
    said = [tell(bed, it, t, restarted=True) for it in [*resets, *kept]]
    return [it for it in said if it is not None]
