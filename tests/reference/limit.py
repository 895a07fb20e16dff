"""A limit rule: what out, band and in mean for a value, and the hidden level of an acknowledgement (E9, E13, E23)."""

from level import BAND, IN, OUT, VOID, Level
from machine import Machine
from words import CUFF, TABLE_ORDER


class LimitMachine(Machine):
    """One rule is (bed, vital, direction), with one alarm whatever its levels (E12)."""

    kind = "physiological"

    def __init__(self, bed, rule):
        self.rule = rule
        self.vital, self.direction = rule.vital, rule.direction
        levels = [
            Level(it.name, it.limit, it.delay, rule.clear_delay, it.priority, it.latch) for it in rule.levels
        ]
        # E4: physiological first, by the table of vitals, low before high.
        order = (0, TABLE_ORDER[rule.vital], rule.direction == "high", "")
        super().__init__(bed, f"{rule.vital}_{rule.direction}", levels, order)
        self.worst = None
        self.last_valid = None
        self.newest = None  # of the last word that was not void: its value, if it had one
        self.slot = None  # the slot of the believed source

    def judge(self, slot, now, gap, may_begin):
        """The value of now, or that there is none."""
        self.slot = slot
        value, beyond = None, False
        if slot is not None and slot.in_force:
            value, beyond = slot.value, slot.absent == self.beyond()
            if may_begin or self.is_present():  # what a shut gate hides is not judged (E33)
                if value is not None:
                    self.last_valid = value
                    self.note_worst(value)
                if beyond:
                    self.last_valid = None  # E23: nothing is worse
            if value is not None or beyond:
                self.newest = value
        self.hear(lambda level: self.word(level, value, beyond), now, gap, may_begin, slot.word if slot else 0)

    def beyond(self):
        """E9: the range that counts as out of every limit on this side."""
        return "under_range" if self.direction == "low" else "over_range"

    def word(self, level, value, beyond):
        if beyond:
            return OUT  # the hidden level too
        if value is None:
            return VOID
        # As if every rule were low: high is the mirror (E13).
        sign = 1 if self.direction == "low" else -1
        v, x = sign * value, sign * level.limit
        if level is self.worse:
            return OUT if v <= x else IN  # E23: out = v <= v_ack - worse_by, no band
        if v < x:
            return OUT
        return IN if v >= x + self.rule.hysteresis else BAND

    def note_worst(self, value):
        """E20: the value furthest out since the birth."""
        if self.alarm is None or value is None:
            return
        further = min if self.direction == "low" else max
        self.worst = value if self.worst is None else further(self.worst, value)

    def forget_values(self):
        super().forget_values()
        self.slot = self.last_valid = self.newest = None

    def born(self, now):
        self.worst = self.newest

    def watch_for_worse(self, now):
        if self.rule.worse_by is None or self.last_valid is None:
            return
        step = -self.rule.worse_by if self.direction == "low" else self.rule.worse_by
        self.worse = self.hidden_level(self.last_valid + step)

    def hidden_level(self, at):
        shortest = min(level.delay for level in self.levels)
        return Level("worse", at, shortest, 0, None, False)

    def gap(self):
        return 0 if self.vital in CUFF else self.bed.gap_of(self.slot.source if self.slot else None)

    def about(self, now):
        """What a record says of its vital."""
        said = {"limit": self.alarm.limit, "level": self.alarm.level, "worst": self.worst}
        slot = self.slot
        if slot is not None:
            said["source"] = slot.source.name
            said |= slot.said(now)
        return said
