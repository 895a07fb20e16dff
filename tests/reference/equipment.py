"""What a source as a whole is in trouble with, beyond its silence: E30, E31, E33."""

from level import IN, OUT, VOID, Level
from machine import Machine
from rules import TechnicalRule
from technical import TechnicalMachine
from words import CUFF, SENSOR_OF, SENSOR_ORDER, TABLE_ORDER

CODES = (
    "no_data", "port_gone", "suspect", "nibp_stale", "nibp_failed", "bad_data_rate", "device_battery", "clock_skew",
    "device_changed",
)
AT_ONCE = TechnicalRule("low", 0, 0, None, None)
SETTINGS = {
    "suspect": TechnicalRule("low", 120_000, 0, None, None),
    "device_battery": TechnicalRule("low", 0, 0, "medium", 600_000),
    "device_changed": TechnicalRule("medium", 0, 0, None, None),
}
FLAGS = ("bad_data_rate", "device_battery", "clock_skew")
DIFFERS_BY = {"heart_rate": 15_000, "pulse_rate": 15_000, "spo2": 5_000}
SWITCHED_FOR = 60_000
INFLATES_FOR = 60_000


class DeviceMachine(TechnicalMachine):
    """One of the above of one source: a boolean that an input puts."""

    def __init__(self, bed, code, source):
        super().__init__(bed, code, source, SETTINGS.get(code, AT_ONCE), (len(SENSOR_ORDER), CODES.index(code)))
        self.said = VOID

    def judge(self, now, said=None):
        """What is said now, or the same as before."""
        if said is not None:
            self.said = said
        elif self.said == IN and self.is_present() and self.source.word <= self.waits_after:
            return  # E34, E35: it is off since the restart, and waits for a word of its source
        self.put(now, self.said)

    def fall_silent(self, now):
        """Void while the source is silent; what it said last stands again with its next frame."""
        self.put(now, VOID)

    def put(self, now, said):
        if self.bed.inactive.standby:
            return
        if said == OUT or not self.is_idle():
            self.hear(lambda _: said, now, self.source.gap, True, self.source.word)

    def end(self, now):
        """Another device is on the line."""
        self.said = VOID
        for level in self.levels:
            level.become_clear()
        self.bed.touch(self)


def repeats_itself(source, vitals, device_time):
    """E30, suspect: out, in, or None where the observation says nothing of it."""
    watched = {it: said for it, said in vitals.items() if is_watched(it)}
    if not watched:
        return None
    if device_time is None or device_time != source.device_time:
        return IN
    # What another device has said before is not held (E30).
    held = {it.vital for it in source.slots.values() if it.at is not None and is_watched(it.vital)}
    same = held == set(watched) and all(
        source.read(vital, *said) == (source.slots[vital].value, source.slots[vital].absent)
        for vital, said in watched.items()
    )
    has_value = any(source.read(vital, *said)[0] is not None for vital, said in watched.items())
    return OUT if same and has_value else IN


def is_watched(vital):
    """Continuous, and no setting of a machine."""
    return vital not in CUFF and SENSOR_OF[vital] not in ("ventilator", "oxygen_analyser")


class Disagreement(Machine):
    """`sources_disagree` of one vital (E33)."""

    kind = "technical"

    def __init__(self, bed, vital):
        self.vital = vital
        level = Level(None, None, 30_000, 3_000, "low", False)
        super().__init__(bed, "sources_disagree", [level], (1, len(SENSOR_ORDER), len(CODES), TABLE_ORDER[vital]))

    def judge(self, now):
        choice = self.bed.choices.get(self.vital)
        slots = [it for it in choice.slots if it.in_force and it.value is not None] if choice else []
        believed = choice.believed if choice else None
        others = [it for it in slots if it is not believed]
        if believed not in slots or not others:
            said = VOID
        else:
            beyond = (abs(it.value - believed.value) > DIFFERS_BY[self.vital] for it in others)
            said = OUT if any(beyond) else IN
        if said != OUT and self.is_idle():
            return
        # E35: what was present at a restart waits for a value of the source that is believed.
        word = believed.word if believed is not None else 0
        if said == IN and self.is_present() and word <= self.waits_after:
            return
        self.hear(lambda _: said, now, self.gap(), True, word)

    def gap(self):
        believed = self.bed.choices[self.vital].believed if self.vital in self.bed.choices else None
        return self.bed.gap_of(believed.source if believed else None)

    def cause(self):
        return self.vital

    def about(self, now):
        believed = self.bed.choices[self.vital].believed if self.vital in self.bed.choices else None
        return {"source": believed.source.name if believed else None, "cause": self.vital}


class Advisory(Machine):
    """What the engine itself knows of the bed: never indeterminate."""

    kind = "advisory"

    def __init__(self, bed, code, order):
        super().__init__(bed, code, [Level(None, None, 0, 0, "low", False)], (2, *order))

    def forget_values(self):
        """What it says the engine knows."""

    def begin(self, now):
        if not self.is_present():
            self.levels[0].begin(now)
        self.void = False
        self.bed.touch(self)

    def end(self, now):
        self.levels[0].become_clear()
        self.bed.touch(self)

    def about(self, now):
        return {}


class Switch(Advisory):
    """`source_switched` of one vital (E33)."""

    def __init__(self, bed, vital):
        self.vital = vital
        super().__init__(bed, "source_switched", (0, TABLE_ORDER[vital]))
        self.times = 0

    def switch(self, now):
        if self.bed.inactive.standby:
            return
        self.begin(now)
        self.times += 1
        self.levels[0].clear_at = now + SWITCHED_FOR

    def news(self):
        return self.times

    def about(self, now):
        choice = self.bed.choices.get(self.vital)
        believed = choice.believed if choice is not None else None
        return {"source": believed.source.name if believed else None, "cause": self.vital}
