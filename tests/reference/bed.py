"""One bed: the order of inputs, deadlines and records (E1 to E6)."""

from choice import Choice
from limit import LimitMachine
from source import Source
from technical import Sensor, SourceMachine
from telling import tell
from words import MEASURED_ALL_THE_TIME, SENSOR_OF, TABLE_ORDER

UNANNOUNCED_PERIOD = 1_000


class Bed:
    """What the rules keep of one bed. Every input returns the records it brought, in order."""

    is_mute = False  # what fell due before a restart is done without a word (E35)

    def __init__(self, rules, run, now):
        self.rules, self.run = rules, run
        self.now = self.newest_input = now
        self.born = 0  # alarms of this run (E18)
        self.actions = {}  # E24: the first outcome of each known id
        self.sources, self.choices, self.sensors, self.silences = {}, {}, {}, {}
        self.limits = [LimitMachine(self, it) for it in rules.limits]
        self.by_vital, self.fallbacks = {}, {}
        for machine in self.limits:
            self.by_vital.setdefault(machine.vital, []).append(machine)
            if machine.rule.fallback_for is not None:
                self.fallbacks.setdefault(machine.rule.fallback_for, []).append(machine)
        for machine in self.limits:
            for vital in (machine.vital, machine.rule.fallback_for):
                if vital is not None:
                    self.choice(vital, now)
        self.touched = {}
        self.reached = set()
        self.next_at = None
        for it in rules.sources:
            self.join(it.name, it.period, it.critical, now)
        self.schedule()

    # ---- Inputs.

    def observe(self, t, source, vitals, device_time=None):
        """`vitals`: name to (amount or reason, marks of quality). None: refused (E5)."""
        if t < self.newest_input or t < self.now:
            return None
        records = self.run_until(t)
        self.newest_input = t
        self.hear_frame(t, source)
        origin = self.sources[source]
        vitals = origin.samples(vitals, device_time)
        for vital in sorted(vitals, key=TABLE_ORDER.__getitem__):
            self.hear_vital(t, origin, vital, *vitals[vital])
        for slot in origin.slots.values():
            slot.note_missed()
        for sensor in {SENSOR_OF[it.vital] for it in origin.slots.values() if it.is_missed or it.vital in vitals}:
            self.sensor(origin, sensor).judge(t, True)
        return records + self.end_step(t)

    def frame(self, t, source):
        """E30: a frame without numbers is a frame, of a source that is known."""
        records = self.begin_input(t)
        if source not in self.sources:
            return records + self.end_step(t)
        self.hear_frame(t, source)
        return records + self.end_step(t)

    def late(self, t, source):
        """E12a: late data came; they are never judged and no sign of life."""
        records = self.begin_input(t)
        origin = self.sources.get(source)
        if origin is None:
            return records + self.end_step(t)
        origin.late = True
        self.touch(self.silences[origin.name][0])
        return records + self.end_step(t)

    def port_gone(self, t, source):
        """E30: ends `no_data` and takes its place."""
        records = self.begin_input(t)
        origin = self.sources.get(source)
        if origin is None:
            return records + self.end_step(t)
        origin.port_gone, origin.silent_at = True, None
        if any(it.is_missed for it in origin.slots.values()):
            self.reaches("a port that goes while a vital is missed")
        self.judge_silence(t, origin)
        self.miss_nothing(t, origin)
        return records + self.end_step(t)

    def poll(self, t):
        """E2: asking more often changes nothing."""
        return self.run_until(t)

    def stall(self, begin, end):
        """E6: every pending deadline moves."""
        by = end - begin
        for part in (*self.sources.values(), *self.choices.values(), *self.sensors.values(), *self.machines()):
            part.shift(by)
        self.schedule()
        return []

    def begin_input(self, t):
        records = self.run_until(t)
        self.newest_input = t
        return records

    # ---- What an input means.

    def hear_frame(self, t, name):
        origin = self.source(name, t)
        was_quiet = origin.silent or origin.port_gone
        origin.frame(t)
        if was_quiet:
            self.judge_silence(t, origin)

    def hear_vital(self, t, origin, vital, said, quality):
        is_first = vital not in origin.slots
        slot = origin.slot(vital)
        slot.take(said, quality, t)
        if is_first:
            slot.is_watched = vital in self.by_vital and SENSOR_OF[vital] in MEASURED_ALL_THE_TIME
            self.choice(vital, t).join(slot)
        self.look_again(t, vital, slot)

    def look_again(self, t, vital, slot, is_word=True):
        """Judges a vital after a word or an ageing of a source, or where another source may be believed now."""
        choice = self.choice(vital, t)
        switched = choice.choose()
        if choice.note(t):
            self.shut_fallbacks(t, vital)
        believed = choice.believed
        if not switched and slot is not believed:
            return
        is_new = switched or is_word
        for machine in self.by_vital.get(vital, ()):
            self.judge_limit(t, machine, is_new)

    def shut_fallbacks(self, t, vital):
        """E33: the vital is back, and what only waits to alarm in its place waits no more."""
        for machine in self.fallbacks.get(vital, ()):
            if not machine.is_present():
                for level in machine.levels:
                    level.become_clear()

    def judge_limit(self, t, machine, is_new):
        slot = self.choices[machine.vital].believed
        other = machine.rule.fallback_for
        may_begin = other is None or self.choices[other].open
        machine.judge(slot, t, self.gap_of(slot.source if slot else None), may_begin, is_new)

    def miss_nothing(self, t, origin):
        """E30, H6: what a silent source does not name, nobody misses."""
        missed = [it for it in origin.slots.values() if it.is_missed]
        for slot in missed:
            slot.is_missed = False
        for sensor in {SENSOR_OF[it.vital] for it in missed}:
            self.sensor(origin, sensor).judge(t, False)

    def judge_silence(self, t, origin):
        for machine in self.silences[origin.name]:
            machine.judge(t, True)

    # ---- Deadlines.

    def run_until(self, t):
        """E2: every deadline up to t, in order, each with itself as event time."""
        records = []
        while self.next_at is not None and self.next_at <= t:
            records += self.run_deadline(self.next_at)
        return records

    def run_deadline(self, d):
        """E3: the timers of one deadline, as one step, in this order."""
        self.now = max(self.now, d)
        machines = [it for it in self.machines() if not it.is_idle()]
        for machine in machines:
            machine.run_present(d)
        self.run_ageing(d)
        for part in (*machines, *self.sensors.values()):
            part.run_freeze(d)
        for machine in machines:
            machine.run_clear(d)
        for machine in machines:
            machine.run_escalation(d)
        return self.end_step(d)

    def run_ageing(self, d):
        """Stale and silent; sources left or believed again; fallback opened."""
        for origin in list(self.sources.values()):
            stale = [it for it in origin.slots.values() if it.stale_at is not None and it.stale_at <= d]
            is_silent = origin.silent_at is not None and origin.silent_at <= d
            for slot in stale:
                slot.become_stale(d)
            for slot in stale:
                self.look_again(d, slot.vital, slot, False)
            for slot in stale:
                if not (is_silent or origin.silent or origin.port_gone):
                    slot.note_missed()
            for sensor in {SENSOR_OF[it.vital] for it in stale}:
                self.sensor(origin, sensor).judge(d, False)
            if is_silent:
                origin.silent_at, origin.silent = None, True
                self.judge_silence(d, origin)
                self.miss_nothing(d, origin)
        for choice in self.choices.values():
            due = False
            for slot in choice.slots:
                if slot.gone_at is not None and slot.gone_at <= d:
                    slot.gone_at, slot.gone, due = None, True, True
                if slot.valid_since_at is not None and slot.valid_since_at <= d:
                    slot.valid_since_at, slot.steady, due = None, True, True
            if due and len(choice.slots) > 1:
                self.look_again(d, choice.vital, None, False)
        for vital, choice in self.choices.items():
            if choice.run(d):
                for machine in self.fallbacks.get(vital, ()):
                    self.judge_limit(d, machine, False)

    def schedule(self):
        found = [it.silent_at for it in self.sources.values()]
        for origin in self.sources.values():
            for slot in origin.slots.values():
                found.append(slot.stale_at)
        for choice in self.choices.values():
            found.append(choice.open_at)
            if len(choice.slots) > 1:
                for slot in choice.slots:
                    found += (slot.gone_at, slot.valid_since_at)
        found += [it.thaw_by for it in self.sensors.values()]
        for machine in self.machines():
            if not machine.is_idle():
                found += machine.deadlines()
        self.next_at = min((it for it in found if it is not None), default=None)

    # ---- The end of a step.

    def touch(self, machine):
        self.touched[machine] = True

    def end_step(self, t):
        """E4: at most one record for each alarm, the net change, in order."""
        self.now = max(self.now, t)
        for machine in self.machines():
            alarm = machine.alarm
            if alarm is not None and any(
                it is not None and it <= t for it in (alarm.rise_at, alarm.continue_at, alarm.remind_at)
            ):
                self.touch(machine)
        if self.is_mute:
            for machine in self.touched:
                machine.settle(t)
                machine.stay_quiet(t)
            self.touched = {}
            self.schedule()
            return []
        records = []
        touched = sorted(self.touched, key=lambda it: it.order)
        self.touched = {}
        for machine in touched:
            machine.settle(t)
        for machine in touched:
            record = tell(self, machine, t)
            if record is not None:
                records.append(record)
        self.schedule()
        return records

    def reaches(self, what):
        """Notes that a rule decided on which text and engine are known to differ (`covered.OPEN`)."""
        self.reached.add(what)

    # ---- Parts.

    def machines(self):
        yield from self.limits
        for sensor in self.sensors.values():
            yield from sensor.machines
        for pair in self.silences.values():
            yield from pair

    def source(self, name, now):
        if name not in self.sources:
            self.join(name, UNANNOUNCED_PERIOD, False, now)
        return self.sources[name]

    def join(self, name, period, critical, now):
        origin = Source(name, period, critical, self.rules.gap_tolerance, now)
        self.sources[name] = origin
        self.silences[name] = [SourceMachine(self, code, origin) for code in ("no_data", "port_gone")]

    def sensor(self, origin, name):
        key = (origin.name, name)
        if key not in self.sensors:
            self.sensors[key] = Sensor(self, origin, name)
        return self.sensors[key]

    def choice(self, vital, now):
        if vital not in self.choices:
            self.choices[vital] = Choice(vital, self.rules.prefer.get(vital), now)
        return self.choices[vital]

    def gap_of(self, origin):
        """G of the source that is judged."""
        return self.rules.gap_tolerance if origin is None else origin.gap
