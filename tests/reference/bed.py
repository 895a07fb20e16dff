"""One bed: the order of inputs, deadlines and records (E1 to E6)."""

from apnea import ApneaMachine
from choice import Choice
from equipment import CODES, DIFFERS_BY, DeviceMachine, Disagreement, Switch, repeats_itself
from level import IN, OUT, moved
from limit import LimitMachine
from inactive import BedAdvisory, Inactive
from rules import SourceSettings
from source import Source
from standby import Standby
from technical import Sensor, SourceMachine
from telling import tell
from words import CUFF, MEASURED_ALL_THE_TIME, SENSOR_OF, TABLE_ORDER

UNANNOUNCED_PERIOD = 1_000


class Bed(Standby):
    """What the rules keep of one bed. Every input returns the records it brought, in order."""

    is_mute = False  # what fell due before a restart is done without a word (E35)

    def __init__(self, rules, run, now):
        self.rules, self.run = rules, run
        self.now = self.newest_input = now
        self.born = 0  # alarms of this run (E18)
        self.every_machine = None  # listed anew where there is another one
        self.words = 0  # said so far: what came after what
        self.actions = {}  # E24: the first outcome of each known id
        self.sources, self.choices, self.sensors, self.silences = {}, {}, {}, {}
        self.limits = [LimitMachine(self, it) for it in rules.limits]
        self.apneas = [
            ApneaMachine(self, it, index == 0)
            for index, it in enumerate(sorted(rules.apnea, key=lambda it: TABLE_ORDER[it.vital]))
        ]
        self.equipment = {}
        self.disagreements = [Disagreement(self, it) for it in DIFFERS_BY]
        self.switches = {}
        self.flag_word = 0
        self.stay, self.life_at = rules.stay, None
        self.no_patient = BedAdvisory(self, "no_patient")
        self.inactive = Inactive(self)
        self.follow_rules(now)
        self.touched = {}
        self.next_at = None
        for it in rules.sources:
            self.join(it, now)
        self.schedule()

    def follow_rules(self, now):
        self.by_vital, self.fallbacks = {}, {}
        for machine in (*self.limits, *self.apneas):
            self.by_vital.setdefault(machine.vital, []).append(machine)
            if machine.rule.fallback_for is not None:
                self.fallbacks.setdefault(machine.rule.fallback_for, []).append(machine)
        for machine in (*self.limits, *self.apneas):
            for vital in (machine.vital, machine.rule.fallback_for):
                if vital is not None:
                    self.choice(vital, now)

    # ---- Inputs.

    def observe(self, t, source, vitals, device_time=None):
        """`vitals`: name to (amount or reason, marks of quality). None: refused (E5)."""
        if t < self.newest_input or t < self.now:
            return None
        records = self.run_until(t)
        self.newest_input = t
        self.hear_frame(t, source)
        origin = self.sources[source]
        repeats = repeats_itself(origin, vitals, device_time)
        origin.device_time = device_time
        inflated = origin.is_inflating()
        origin.cuff_said = {}
        vitals = origin.samples(t, vitals, device_time)
        for code, said in (("suspect", repeats), *origin.cuff_said.items()):
            if said is not None:
                self.equipment[source][code].judge(t, said)
        for vital in sorted(vitals, key=TABLE_ORDER.__getitem__):
            self.hear_vital(t, origin, vital, *vitals[vital])
        self.miss_what_is_not_named(t, origin, vitals)
        if inflated != origin.is_inflating():
            self.judge_limbs(t)
        self.judge_agreement(t)
        return records + self.end_step(t)

    def frame(self, t, source):
        """E30: a frame without numbers is a frame, of a source that is known."""
        records = self.begin_input(t)
        if source not in self.sources:
            return records + self.end_step(t)
        self.hear_frame(t, source)
        self.miss_what_is_not_named(t, self.sources[source], ())
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

    def device(self, t, source):
        """E30: another device is on the line."""
        records = self.begin_input(t)
        origin = self.sources.get(source)
        if origin is None:
            return records + self.end_step(t)
        origin.flags &= {"bad_data_rate"}
        origin.device_time = origin.cuff_time = None
        origin.cuff_stale_at = origin.inflates_until = None
        origin.inflates = origin.cuff_was_absent = False
        origin.word = self.next_word()
        for slot in origin.slots.values():
            slot.forget(t)
            choice = self.choice(slot.vital, t)
            if choice.believed is slot:
                for machine in self.by_vital.get(slot.vital, ()):
                    machine.lose_device(t)
            self.look_again(t, slot.vital, slot)
        for machine in self.apneas[:1]:
            self.judge_limit(t, machine)
        for sensor in self.sensors.values():
            if sensor.source is origin:
                sensor.end(t)
        for machine in self.equipment[source].values():
            if machine.code == "device_changed":
                machine.judge(t, None if self.inactive.standby else OUT)
            else:
                machine.end(t)
        self.judge_limbs(t)
        self.judge_agreement(t)
        records += self.end_step(t)
        if "bad_data_rate" in origin.flags:
            # A bad line begins anew at once, told last.
            self.equipment[source]["bad_data_rate"].judge(t, OUT)
        return records + self.end_step(t)

    def flag(self, t, source, flag, is_on):
        """E30, E32: what a device, or the agent that watches its line, says is the matter."""
        records = self.begin_input(t)
        origin = self.sources.get(source)
        if origin is None:
            return records + self.end_step(t)
        origin.word = self.next_word()
        if is_on:
            origin.flags.add(flag)
        else:
            origin.flags.discard(flag)
        if flag == "apnea":
            if is_on:
                self.flag_word = origin.word
            for machine in self.apneas[:1]:
                self.judge_limit(t, machine)
        elif flag == "cuff_inflating":
            origin.set_inflating(t, is_on)
            self.judge_limbs(t)
        else:
            self.equipment[source][flag].judge(t, OUT if is_on else IN)
        return records + self.end_step(t)

    def port_gone(self, t, source, link=None):
        """E30: ends `no_data` and takes its place."""
        records = self.begin_input(t)
        origin = self.sources.get(source)
        if origin is None:
            return records + self.end_step(t)
        origin.port_gone, origin.silent_at = True, None
        origin.link = link or origin.link
        self.equipment[source]["suspect"].fall_silent(t)
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
        self.life_at = moved(self.life_at, by)
        self.schedule()
        return []

    def begin_input(self, t):
        records = self.run_until(t)
        self.newest_input = t
        return records

    # ---- What an input means.

    def hear_frame(self, t, name):
        origin = self.source(name, t)
        origin.frame(t)
        origin.word = self.next_word()
        self.judge_silence(t, origin)
        for machine in self.equipment[name].values():
            if machine.code != "device_changed":
                machine.judge(t)

    def hear_vital(self, t, origin, vital, said, quality):
        is_first = vital not in origin.slots
        slot = origin.slot(vital)
        slot.take(said, quality, t, self.next_word())
        if is_first:
            self.watch(slot)
            self.choice(vital, t).join(slot, t)
        self.look_again(t, vital, slot)

    def watch(self, slot):
        """E30, H6: whether a rule watches it, and its sensor measures all the time."""
        slot.is_watched = slot.vital in self.by_vital and SENSOR_OF[slot.vital] in MEASURED_ALL_THE_TIME

    def look_again(self, t, vital, slot):
        """Judges a vital after a word or an ageing of a source, or where another source may be believed now."""
        choice = self.choice(vital, t)
        before = choice.believed
        switched = choice.choose(slot)
        if switched and before is not None:
            self.switch(vital).switch(t)
        if choice.note(t):
            self.shut_fallbacks(t, vital)
        believed = choice.believed
        if not switched and slot is not believed:
            return
        for machine in self.by_vital.get(vital, ()):
            self.judge_limit(t, machine)

    def shut_fallbacks(self, t, vital):
        """E33: the vital is back, and what only waits to alarm in its place waits no more."""
        for machine in self.fallbacks.get(vital, ()):
            if not machine.is_present():
                for level in machine.levels:
                    level.become_clear()
                self.judge_limit(t, machine)

    def judge_limit(self, t, machine):
        if self.inactive.standby:
            return
        slot = self.choices[machine.vital].believed
        other = machine.rule.fallback_for
        may_begin = other is None or (self.choices[other].open and machine.opens_at is None)
        gap = 0 if machine.vital in CUFF else self.gap_of(slot.source if slot else None)
        machine.judge(slot, t, gap, may_begin)

    def miss_what_is_not_named(self, t, origin, named):
        """E30, H6: from the source's next frame on, if that does not name it."""
        for slot in origin.slots.values():
            slot.note_missed()
        for sensor in {SENSOR_OF[it.vital] for it in origin.slots.values() if it.is_missed or it.vital in named}:
            self.sensor(origin, sensor).judge(t)

    def miss_nothing(self, t, origin):
        """E30, H6: what a silent source does not name, nobody misses."""
        missed = [it for it in origin.slots.values() if it.is_missed]
        for slot in missed:
            slot.is_missed = False
        for sensor in {SENSOR_OF[it.vital] for it in missed}:
            self.sensor(origin, sensor).judge(t)

    def judge_silence(self, t, origin):
        if self.inactive.standby:
            return
        word = self.next_word()  # that it says nothing is no word of the source
        for machine in self.silences[origin.name]:
            machine.judge(t, word)

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
        self.inactive.run(d)
        self.run_life(d)
        return self.end_step(d)

    def run_ageing(self, d):
        """Stale and silent; sources left or believed again; fallback opened."""
        for origin in list(self.sources.values()):
            stale = [it for it in origin.slots.values() if it.stale_at is not None and it.stale_at <= d]
            if origin.cuff_stale_at is not None and origin.cuff_stale_at <= d:
                origin.cuff_stale_at = None
                self.equipment[origin.name]["nibp_stale"].judge(d, OUT)
            if origin.inflates_until is not None and origin.inflates_until <= d:
                origin.inflates_until = None
                self.judge_limbs(d)
            is_silent = origin.silent_at is not None and origin.silent_at <= d
            # All of it is so before the first is judged.
            for slot in stale:
                slot.become_stale(d)
            if is_silent:
                origin.silent_at, origin.silent = None, True
            missed = [it for it in origin.slots.values() if it.is_missed and is_silent]
            for slot in missed:
                slot.is_missed = False
            for slot in stale:
                if origin.misses():
                    slot.note_missed()
            for slot in stale:
                self.look_again(d, slot.vital, slot)
            for sensor in {SENSOR_OF[it.vital] for it in (*stale, *missed)}:
                self.sensor(origin, sensor).judge(d)
            if is_silent:
                origin.port_gone = self.silences[origin.name][1].is_present()
                self.equipment[origin.name]["suspect"].fall_silent(d)
                self.judge_silence(d, origin)
        for choice in sorted(self.choices.values(), key=lambda it: TABLE_ORDER[it.vital]):
            due = [slot.run(d) for slot in choice.slots]
            if any(due) and len(choice.slots) > 1:
                self.look_again(d, choice.vital, None)
        for vital, choice in self.choices.items():
            if choice.run(d):
                for machine in self.fallbacks.get(vital, ()):
                    self.judge_limit(d, machine)
        for machine in (*self.limits, *self.apneas):
            if machine.opens_at is not None and machine.opens_at <= d:
                machine.opens_at = None
                self.judge_limit(d, machine)
        self.judge_agreement(d)

    def judge_limbs(self, now):
        """E30: the cuff on the probe's limb."""
        for sensor in list(self.sensors.values()):
            if sensor.name == "oximeter" and sensor.source.same_limb:
                sensor.judge(now)

    def is_excused(self, sensor):
        inflates = any(it.is_inflating() for it in self.sources.values())
        return inflates and sensor.name == "oximeter" and sensor.source.same_limb

    def judge_agreement(self, now):
        if self.inactive.standby:
            return
        for machine in self.disagreements:
            machine.judge(now)

    def schedule(self):
        found = [it.silent_at for it in self.sources.values()]
        for origin in self.sources.values():
            found += (origin.cuff_stale_at, origin.inflates_until)
            for slot in origin.slots.values():
                found.append(slot.stale_at)
        for choice in self.choices.values():
            found.append(choice.open_at)
            if len(choice.slots) > 1:
                for slot in choice.slots:
                    found += (slot.gone_at, slot.valid_since_at)
        found += [it.thaw_by for it in self.sensors.values()]
        found += [it.opens_at for it in (*self.limits, *self.apneas)]
        for machine in self.machines():
            if not machine.is_idle():
                found += machine.deadlines()
        found += (*self.inactive.deadlines(), self.life_at)
        self.next_at = min((it for it in found if it is not None), default=None)

    # ---- The end of a step.

    def touch(self, machine):
        self.touched[machine] = True

    def end_step(self, t):
        """E4: at most one record for each alarm, the net change, in order."""
        self.now = max(self.now, t)
        self.notice_life(t)
        self.inactive.advise(t)
        for machine in self.machines():
            if machine.alarm is not None and machine.alarm.is_due(t):
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
        records += self.tell_all(touched, t)
        self.schedule()
        return records

    def tell_all(self, machines, t):
        for machine in machines:
            machine.settle(t)
        told = [tell(self, machine, t) for machine in machines]
        return [it for it in told if it is not None]

    def sensor_name(self, vital):
        return SENSOR_OF[vital]

    # ---- Parts.

    def next_word(self):
        self.words += 1
        return self.words

    def machines(self):
        if self.every_machine is None:
            self.every_machine = [
                *self.limits,
                *self.apneas,
                *(it for sensor in self.sensors.values() for it in sensor.machines),
                *(it for pair in self.silences.values() for it in pair),
                *(it for machines in self.equipment.values() for it in machines.values()),
                *self.disagreements,
                *self.switches.values(),
                self.no_patient,
                self.inactive.advisory,
            ]
        return self.every_machine

    def source(self, name, now):
        if name not in self.sources:
            self.join(SourceSettings(name, UNANNOUNCED_PERIOD, False, None, False), now)
            self.sources[name].is_announced = False
        return self.sources[name]

    def switch(self, vital):
        if vital not in self.switches:
            self.switches[vital] = Switch(self, vital)
            self.every_machine = None
        return self.switches[vital]

    def join(self, it, now):
        name = it.name
        origin = Source(name, it.period, it.critical, self.rules.gap_tolerance, now, it.nibp_interval, it.same_limb)
        self.sources[name] = origin
        self.equipment[name] = {code: DeviceMachine(self, code, origin) for code in CODES[2:]}
        self.silences[name] = [SourceMachine(self, code, origin) for code in ("no_data", "port_gone")]
        self.every_machine = None

    def sensor(self, origin, name):
        key = (origin.name, name)
        if key not in self.sensors:
            self.sensors[key] = Sensor(self, origin, name)
            self.every_machine = None
        return self.sensors[key]

    def choice(self, vital, now):
        if vital not in self.choices:
            self.choices[vital] = Choice(vital, self.rules.prefer.get(vital), now)
        return self.choices[vital]

    def gap_of(self, origin):
        """G of the source that is judged."""
        return self.rules.gap_tolerance if origin is None else origin.gap
