"""Technical alarms: the same machine on a boolean, for a sensor or for a whole source (E30)."""

from level import IN, OUT, VOID, Level, moved
from machine import Machine
from words import CUFF, MISSED_ONLY_AFTER_A_VALUE, SENSOR_ORDER, SENSOR_REASONS, SENSORS


class TechnicalMachine(Machine):
    """One level without a band; never latches; more urgent a while after its start."""

    kind = "technical"

    def __init__(self, bed, code, source, settings, place):
        self.source, self.settings = source, settings
        self.urgent = settings.urgent
        level = Level(None, None, settings.delay, settings.clear_delay, settings.priority, False)
        # E4: by sensor, `sensor_off` before `no_value`, then `no_data`, `port_gone`; then by source.
        super().__init__(bed, code, [level], (1, *place, source.name))

    def born(self, now):
        if self.settings.urgent_after is not None and self.may_become_urgent():
            self.escalate_at = now + self.settings.urgent_after

    def may_become_urgent(self):
        return True

    def settle_clear(self, alarm):
        super().settle_clear(alarm)
        self.levels[0].priority = self.settings.priority
        self.escalate_at = None

    def gap(self):
        return self.source.gap

    def cause(self):
        return None

    def about(self, now):
        said = {"source": self.source.name}
        cause = self.cause()
        return said | {"cause": cause} if cause else said


class Sensor:
    """One sensor of one source: one delay for its trouble, whatever the reason (E30, H7)."""

    def __init__(self, bed, source, name):
        self.bed, self.source, self.name = bed, source, name
        # A cuff has none but `sensor_off` (E31).
        codes = ("sensor_off",) if name == "cuff" else ("sensor_off", "implausible", "no_value")
        self.machines = [SensorMachine(bed, code, self) for code in codes]
        self.forget()

    def forget(self):
        self.onset = self.runs_since = self.thaw_by = None  # onset: when the sensor came into trouble
        self.ran = 0  # for how long it has been in trouble and in force
        for machine in self.machines:
            machine.reset_at = machine.reset_onset = None

    def end(self, now):
        """Another device is on the line."""
        self.forget()
        for machine in self.machines:
            machine.is_own = False
            for level in machine.levels:
                level.become_clear()
            self.bed.touch(machine)

    def slots(self):
        return [slot for it in SENSORS[self.name] if (slot := self.source.slots.get(it)) is not None]

    def judge(self, now):
        if self.bed.inactive.standby:
            return
        slots = self.slots()
        word = max((it.word for it in slots), default=0)
        troubles = [trouble for it in slots if (trouble := trouble_of(it)) is not None]
        speaks = any(it.in_force or it.is_missed for it in slots)
        gap = self.source.gap
        if self.bed.is_excused(self) and (troubles or not speaks):
            troubles, speaks, gap = [], False, None  # the cuff is on the probe's limb: G makes none of them anything
        if troubles and self.runs_since is None:
            if self.onset is None:
                self.onset, self.ran = now, 0
            self.runs_since, self.thaw_by = now, None
            for machine in self.machines:
                if machine.reset_at is not None and machine.reset_onset is None:
                    machine.reset_onset = now
        elif not troubles and speaks:
            self.forget()
        elif not speaks and self.onset is not None:
            if self.runs_since is not None:
                self.ran, self.runs_since = self.ran + now - self.runs_since, None
                self.thaw_by = None
            self.thaw_by = None if gap is None else self.thaw_by if self.thaw_by is not None else now + gap
        for machine in self.machines:
            machine.judge(machine.code in troubles, speaks, now, word, gap)

    def has_run(self, now):
        return self.ran + (now - self.runs_since if self.runs_since is not None else 0)

    def has_run_at(self, delay):
        """When a delay has run, if it runs now."""
        return None if self.runs_since is None else self.runs_since + max(0, delay - self.ran)

    def run_freeze(self, now):
        if self.thaw_by is not None and self.thaw_by <= now:
            self.forget()

    def shift(self, by):
        """E6."""
        self.runs_since = moved(self.runs_since, by)
        self.thaw_by = moved(self.thaw_by, by)


def trouble_of(slot):
    """Which of the three alarms a word is the reason for (E30)."""
    if slot.is_missed:
        return "no_value"
    if not slot.in_force or slot.absent is None:
        return None
    if slot.absent in SENSOR_REASONS:
        return "sensor_off"
    if slot.vital in CUFF:  # E31
        return None
    if slot.is_implausible:
        return "implausible"
    if slot.absent in MISSED_ONLY_AFTER_A_VALUE and not slot.ever_valued:
        return None
    return "no_value"


class SensorMachine(TechnicalMachine):
    """`sensor_off`, `implausible` or `no_value` of one sensor of one source; its cause names the sensor."""

    CODES = ("sensor_off", "implausible", "no_value")

    def __init__(self, bed, code, sensor):
        settings = bed.rules.sensor_off if code == "sensor_off" else bed.rules.no_value
        place = (SENSOR_ORDER[sensor.name], self.CODES.index(code))
        super().__init__(bed, code, sensor.source, settings, place)
        self.sensor = sensor
        self.is_own = False  # the sensor's trouble is (also) this one
        self.reset_at = self.reset_onset = None  # what of the sensor's delay had run when it was reset; its onset since

    def judge(self, is_own, speaks, now, word, gap):
        self.is_own = is_own
        if self.is_present():
            # A trouble that is only another's is in.
            said = OUT if is_own else IN if speaks else VOID
            self.hear(lambda _: said, now, gap, True, word)
            if gap is None and said == VOID:
                self.indeterminate_at = None
        else:
            self.void = not speaks
            self.run_present(now)

    def is_idle(self):
        return not self.is_own and super().is_idle()

    def gap(self):
        return None if self.bed.is_excused(self.sensor) else super().gap()

    def ripe_at(self):
        """When the delay has run, if it runs now and the trouble is (also) its own."""
        if self.is_present() or not self.is_own:
            return None
        return self.sensor.has_run_at((self.reset_at or 0) + self.settings.delay)

    def run_present(self, now):
        ripe_at = self.ripe_at()
        if ripe_at is not None and ripe_at <= now:
            level = self.levels[0]
            level.become_present(now)
            level.onset = self.sensor.onset if self.reset_onset is None else self.reset_onset
            self.bed.touch(self)

    def begin_again(self, now):
        """E30: what was reset has its delay and its onset from the reset on, or from the first trouble in force after it."""
        if self.sensor.onset is not None:
            self.reset_at = self.sensor.has_run(now)
            self.reset_onset = now if self.sensor.runs_since is not None else None
            self.run_present(now)

    def deadlines(self):
        return [*super().deadlines(), self.ripe_at()]

    def cause(self):
        return self.sensor.name

    def about(self, now):
        """The reason: of the first of its vitals that is in this trouble now."""
        said = super().about(now)
        slots = self.sensor.slots()
        for slot in slots:
            if trouble_of(slot) == self.code:
                return said | {"absent": slot.absent if slot.in_force else "stale"}
        if not any(it.in_force or it.is_missed for it in slots):
            return said | {"absent": "stale"}
        return said


class SourceMachine(TechnicalMachine):
    """`no_data` or `port_gone` of one source: no frame, and never void."""

    def __init__(self, bed, code, source):
        place = (len(SENSOR_ORDER), code == "port_gone")
        super().__init__(bed, code, source, bed.rules.no_data, place)
        self.is_late = False
        self.link = None

    def judge(self, now, word):
        source = self.source
        silent = source.silent and not source.port_gone if self.code == "no_data" else source.port_gone
        said = OUT if silent else IN
        self.hear(lambda _: said, now, source.gap, True, word)

    def may_become_urgent(self):
        return self.source.critical

    def settle_present(self, alarm, top, now):
        super().settle_present(alarm, top, now)
        # E12a: late data came meanwhile, or came after its start.
        self.is_late = self.code == "no_data" and self.source.late
        self.link = self.source.link

    def cause(self):
        if self.code == "port_gone":
            return self.link
        return "late" if self.is_late else None
