"""Sources and the newest word of each vital: how long it counts (E7 to E12a, E31)."""

from level import moved
from words import CUFF, QUALITIES, UNUSABLE, VITALS

FRESH_AT_LEAST = 5_000
STEADY_AFTER = 30_000


class Slot:
    """The newest word of one vital from one source: a value, or why there is none."""

    __slots__ = (
        "source", "vital", "value", "absent", "quality", "at", "stale_at", "in_force", "ever_valued",
        "is_implausible", "is_watched", "is_missed", "valid_since_at", "steady", "gone_at", "gone", "last_valid_at",
    )

    def __init__(self, source, vital):
        self.source, self.vital = source, vital
        self.value = self.absent = None
        self.quality = []
        self.at = self.stale_at = self.last_valid_at = None
        self.in_force = self.ever_valued = False
        self.is_implausible = False  # E11
        self.is_missed = False
        self.is_watched = False  # a rule watches it, and its sensor measures all the time (E30, H6)
        # For E33: since when it has been valid for long enough, or without a valid value for too long.
        self.valid_since_at = self.gone_at = None
        self.steady = self.gone = False

    def take(self, said, quality, now):
        """A sample or an absent marker, as the device said it."""
        value, absent = read(self.vital, said, quality)
        self.is_implausible = absent == "invalid" and is_implausible(self.vital, said, quality)
        self.is_missed = False
        was_valid = self.is_valid()
        self.value, self.absent = value, absent
        self.quality = [it for it in QUALITIES if it in quality]
        self.at = now
        self.in_force = True
        # E7: until it is T old; a marker ages like a value. E31: what a cuff said never becomes stale.
        self.stale_at = None if self.vital in CUFF else now + self.source.fresh_for
        if value is not None:
            self.ever_valued = True
        if self.is_valid():
            self.last_valid_at = now
        self.note_validity(was_valid, now, first=self.gone_at is None and not self.gone)

    def become_stale(self, now):
        was_valid = self.is_valid()
        self.stale_at = None
        self.in_force = False
        self.note_validity(was_valid, now, first=False)

    def note_validity(self, was_valid, now, first):
        if self.is_valid():
            self.gone_at, self.gone = None, False
            if not was_valid:
                self.valid_since_at, self.steady = now + STEADY_AFTER, False
        elif was_valid or first:
            self.valid_since_at, self.steady = None, False
            self.gone_at, self.gone = now + self.source.gap, False

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

    def __init__(self, name, period, critical, gap_tolerance, now):
        self.name, self.period, self.critical = name, period, critical
        self.fresh_for = max(FRESH_AT_LEAST, 3 * period)  # T
        self.gap = max(gap_tolerance, 2 * period)  # G
        self.slots = {}
        self.silent_at = now + self.fresh_for  # E30: silent T after the engine's start
        self.silent = False
        self.port_gone = False
        self.late = False  # late data since the last frame (E12a)
        self.cuff_time = None

    def frame(self, now):
        """Something was said now, be it without numbers."""
        self.silent_at = now + self.fresh_for
        self.silent = self.port_gone = self.late = False

    def slot(self, vital):
        slot = self.slots.get(vital)
        if slot is None:
            slot = self.slots[vital] = Slot(self, vital)
        return slot

    def samples(self, vitals, device_time):
        """E31: leaves out of a message what a cuff only says again."""
        cuff = [it for it in vitals if it in CUFF]
        if not cuff:
            return vitals
        alone = len(cuff) == len(vitals)
        is_new = any(self.says_another_word(it, *vitals[it]) for it in cuff)
        if alone and device_time is not None:
            is_new = is_new or device_time != self.cuff_time
            self.cuff_time = device_time
        if is_new:
            return vitals
        return {it: said for it, said in vitals.items() if it not in CUFF}

    def says_another_word(self, vital, said, quality):
        """Another value, another reason for its absence, or a value after an absence."""
        slot = self.slots.get(vital)
        return slot is None or read(vital, said, quality) != (slot.value, slot.absent)

    def shift(self, by):
        self.silent_at = moved(self.silent_at, by)
        for slot in self.slots.values():
            slot.shift(by)
