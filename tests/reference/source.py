"""Sources and the newest word of each vital: how long it counts (E7 to E12a, E31)."""

from level import IN, OUT, moved
from words import CUFF, QUALITIES, SENSOR_REASONS, UNUSABLE, VITALS

FRESH_AT_LEAST = 5_000
STEADY_AFTER = 30_000
INFLATES_FOR = 60_000
# E31: what says that the cuff has nothing to say.
NOTHING_TO_SAY = ("not_measured", "unsupported", "stale", "searching")


class Slot:
    """The newest word of one vital from one source: a value, or why there is none."""

    __slots__ = (
        "source", "vital", "value", "absent", "quality", "at", "stale_at", "in_force", "ever_valued",
        "word", "is_implausible", "is_watched", "is_missed", "valid_since_at", "steady", "gone_at", "gone", "last_valid_at",
    )

    def __init__(self, source, vital):
        self.source, self.vital = source, vital
        self.value = self.absent = None
        self.quality = []
        self.at = self.stale_at = self.last_valid_at = None
        self.in_force = self.ever_valued = False
        self.word = 0  # the number of its newest word (`Bed.next_word`)
        self.is_implausible = False  # E11
        self.is_missed = False
        self.is_watched = False  # a rule watches it, and its sensor measures all the time (E30, H6)
        # For E33: since when it has been valid for long enough, or without a valid value for too long.
        self.valid_since_at = self.gone_at = None
        self.steady = self.gone = False

    def take(self, said, quality, now, word):
        """A sample or an absent marker, as the device said it."""
        self.word = word
        value, absent = read(self.vital, said, quality)
        self.is_implausible = absent == "invalid" and is_implausible(self.vital, said, quality)
        self.is_missed = False
        was_valid = self.is_valid()
        self.value, self.absent = value, absent
        self.quality = [it for it in QUALITIES if it in quality]
        self.at = now
        self.in_force = True
        self.stale_at = self.when_stale(now)
        if value is not None:
            self.ever_valued = True
        if self.is_valid():
            self.last_valid_at = now
        self.note_validity(was_valid, now, first=self.gone_at is None and not self.gone)

    def when_stale(self, now):
        """E7: until it is T old; a marker ages like a value. E31: T of a cuff; what its sensor says stays."""
        if self.vital not in CUFF:
            return now + self.source.fresh_for
        if self.source.nibp_interval is None or self.absent in SENSOR_REASONS:
            return None
        return now + self.source.nibp_interval * 3 // 2

    def become_stale(self, now):
        was_valid = self.is_valid()
        self.stale_at = None
        self.in_force = False
        self.note_validity(was_valid, now, first=False)

    def forget(self, now):
        """E30: another device is on the line; what was said is void and not in force."""
        if self.in_force:
            self.become_stale(now)
        self.value = self.absent = self.at = None
        self.is_missed = self.is_implausible = self.ever_valued = False

    def note_validity(self, was_valid, now, first):
        if self.is_valid():
            self.gone_at, self.gone = None, False
            if not was_valid:
                self.valid_since_at, self.steady = now + STEADY_AFTER, False
        elif was_valid or first:
            self.valid_since_at, self.steady = None, False
            self.gone_at, self.gone = now + self.source.gap, False

    def run(self, now):
        """E33: whether it has been without a valid value for G, or valid for 30 s, since it was asked last."""
        due = False
        if self.gone_at is not None and self.gone_at <= now:
            self.gone_at, self.gone, due = None, True, True
        if self.valid_since_at is not None and self.valid_since_at <= now:
            self.valid_since_at, self.steady, due = None, True, True
        return due

    def note_missed(self):
        """E30, H6: a rule watches it, there has been a value, and its source goes on naming others."""
        self.is_missed = self.is_watched and self.ever_valued and not self.in_force

    def is_valid(self):
        """E33: it says something of the patient, be it that he is beyond the device's range."""
        return self.in_force and (self.value is not None or self.absent in ("under_range", "over_range"))

    def said(self, now):
        """What a record says of it."""
        if self.at is None:
            return {}
        if not self.in_force:
            return {"absent": "stale"}
        if self.value is None:
            return {"absent": self.absent, "quality": self.quality}
        return {"value": self.value, "value_age_ms": now - self.at, "quality": self.quality}

    def shift(self, by):
        self.stale_at = moved(self.stale_at, by)
        self.valid_since_at = moved(self.valid_since_at, by)
        self.gone_at = moved(self.gone_at, by)


def read(vital, said, quality):
    """The value, or the reason why there is none."""
    if isinstance(said, str):
        return None, said
    if any(mark in UNUSABLE for mark in quality):  # E10
        return None, "invalid"
    if is_implausible(vital, said, quality):
        return None, "invalid"
    return said, None


def is_implausible(vital, said, quality):
    """E11. What is absent for its quality never is."""
    lowest, highest = VITALS[vital]
    return isinstance(said, int) and not lowest <= said <= highest and not UNUSABLE.intersection(quality)


class Source:
    """One source of a bed: its period, when it was last heard, and what it said last."""

    def __init__(self, name, period, critical, gap_tolerance, now, nibp_interval=None, same_limb=False):
        self.name, self.period, self.critical = name, period, critical
        self.fresh_for = max(FRESH_AT_LEAST, 3 * period)  # T
        self.gap = max(gap_tolerance, 2 * period)  # G
        self.slots = {}
        self.silent_at = now + self.fresh_for  # E30: silent T after the engine's start
        self.silent = False
        self.port_gone = False
        self.link = None  # the alarm of the link that has gone with the port
        self.is_announced = True
        self.unheard = False  # since a restart (E30, H6)
        self.late = False  # late data since the last frame (E12a)
        self.word = 0  # the number of its newest word (`Bed.next_word`)
        self.flags = set()
        self.device_time = None  # of the newest observation (E30, suspect)
        self.cuff_time = None
        self.cuff_was_absent = False
        self.cuff_said = {}
        self.cuff_stale_at = None
        self.nibp_interval, self.same_limb = nibp_interval, same_limb
        self.inflates, self.inflates_until = False, None

    def announce(self, new):
        """After a restart it is as the configuration of now says."""
        for name in ("period", "critical", "fresh_for", "gap", "nibp_interval", "same_limb", "is_announced"):
            setattr(self, name, getattr(new, name))

    def frame(self, now):
        """Something was said now, be it without numbers."""
        self.silent_at = now + self.fresh_for
        self.silent = self.port_gone = self.late = self.unheard = False
        self.link = None

    def misses(self):
        """E30, H6: whether what it does not name is missed."""
        return not (self.silent or self.port_gone or self.unheard)

    def slot(self, vital):
        slot = self.slots.get(vital)
        if slot is None:
            slot = self.slots[vital] = Slot(self, vital)
        return slot

    def read(self, vital, said, quality):
        return read(vital, said, quality)

    def samples(self, now, vitals, device_time):
        """E31: leaves out of a message what a cuff only says again."""
        cuff = {it: said for it, said in vitals.items() if it in CUFF}
        if not cuff:
            return vitals
        self.watch_inflation(now, cuff)
        words = {it: said for it, said in cuff.items() if said[0] not in NOTHING_TO_SAY}
        is_new = any(self.says_another_word(it, *words[it]) for it in words)
        if len(cuff) == len(vitals) and device_time is not None:
            is_new = is_new or device_time != self.cuff_time
            self.cuff_time = device_time
        if words and self.cuff_was_absent:
            is_new = True
        self.cuff_was_absent = len(words) == 0 or (self.cuff_was_absent and not words)
        others = {it: said for it, said in vitals.items() if it not in CUFF}
        if not (is_new and words):
            return others
        self.note_measurement(now, words)
        return {it: said for it, said in vitals.items() if it in words or it in others}

    def note_measurement(self, now, words):
        found = [read(it, *said) for it, said in words.items()]
        if any(value is not None or absent in ("under_range", "over_range") for value, absent in found):
            self.cuff_said = {"nibp_failed": IN, "nibp_stale": IN}
            if self.nibp_interval is not None:
                self.cuff_stale_at = now + self.nibp_interval * 3 // 2
        elif any(absent in ("invalid", "not_calibrated") for _, absent in found):
            self.cuff_said = {"nibp_failed": OUT}

    def watch_inflation(self, now, cuff):
        """E30: from the word `searching` to the next other word, and no longer than 60 s."""
        self.set_inflating(now, any(said == "searching" for said, _ in cuff.values()))

    def set_inflating(self, now, inflates):
        """E30: said again, it is the same inflation."""
        if inflates and not self.inflates:
            self.inflates_until = now + INFLATES_FOR
        elif not inflates:
            self.inflates_until = None
        self.inflates = inflates

    def is_inflating(self):
        return self.inflates_until is not None

    def says_another_word(self, vital, said, quality):
        """Another value, another reason for its absence, or a value after an absence."""
        slot = self.slots.get(vital)
        return slot is None or slot.at is None or read(vital, said, quality) != (slot.value, slot.absent)

    def shift(self, by):
        self.silent_at = moved(self.silent_at, by)
        self.cuff_stale_at = moved(self.cuff_stale_at, by)
        self.inflates_until = moved(self.inflates_until, by)
        for slot in self.slots.values():
            slot.shift(by)
