"""Apnea (E32): a rate of 0 for too long, or the device's own word."""

from level import CLEAR, IN, OUT, PENDING, PRESENT, VOID, moved
from machine import Machine
from words import TABLE_ORDER


class ApneaLevel:
    """The one level of an apnea rule. Its time begins with the last breath, and not with the first 0."""

    name = limit = None
    priority, latch = "high", True

    def __init__(self, time):
        self.time = time
        self.breath = (None, None)  # when the last was said, and when it counts from: a stall is no time (E6)
        self.onset = self.decided = None
        self.become_clear()

    def become_clear(self):
        self.state = CLEAR
        self.begun = None  # from when the time runs
        self.due = self.remaining = self.thaw_by = self.clear_at = None
        self.is_zero = False  # the newest word was a 0
        self.in_force = False

    def note_breath(self, said_at):
        if self.breath[0] != said_at:
            self.breath = (said_at, said_at)

    def hear(self, word, now, gap, said_at):
        """`word`: out is a 0, in a breath."""
        self.in_force = word != VOID
        if word == IN and self.begun == said_at and self.due is not None:
            self.is_zero = False  # the same breath looked at again
        elif word == IN:
            self.become_clear()
            self.begun, self.due, self.in_force = said_at, self.breath[1] + self.time, True
        elif word == OUT:
            self.is_zero = True
            if self.state == PRESENT:
                return
            if self.begun is None:
                self.begun, self.due = now, now + self.time
            elif self.due is None:
                self.due = now + self.remaining
            self.remaining = self.thaw_by = None
            self.state = PENDING
            self.ripen(now)
        elif self.due is not None:  # it stands still while void
            self.remaining, self.due = self.due - now, None
            self.thaw_by = now + gap

    def ripen(self, now):
        if self.state == PENDING and self.is_zero and self.in_force and self.due is not None and self.due <= now:
            self.become_present(now)

    def become_present(self, now, onset=None):
        begun = self.begun if self.state == PENDING else None
        self.onset = begun if begun is not None else now
        self.state, self.decided = PRESENT, now
        self.begun = self.due = self.remaining = self.thaw_by = None

    @property
    def present_at(self):
        return self.due if self.state == PENDING and self.is_zero and self.in_force else None

    def shift(self, by):
        self.due = moved(self.due, by)
        self.thaw_by = moved(self.thaw_by, by)
        self.breath = (self.breath[0], moved(self.breath[1], by))

    def deadlines(self):
        return (self.present_at, self.thaw_by)


class ApneaMachine(Machine):
    """One rule of one respiratory rate."""

    kind = "physiological"
    direction = None

    def __init__(self, bed, rule, is_first):
        self.rule, self.vital, self.is_first = rule, rule.vital, is_first
        super().__init__(bed, "apnea", [ApneaLevel(rule.time)], (0, TABLE_ORDER[rule.vital], 2, ""))
        self.slot = None

    def is_flagged(self):
        """The device's own word, of any source, is the first rule's."""
        return self.is_first and any("apnea" in it.flags for it in self.bed.sources.values())

    def judge(self, slot, now, gap, may_begin):
        self.slot = slot
        level = self.levels[0]
        word = self.word(slot)
        if self in self.bed.inactive.off or not may_begin and level.state != PRESENT:
            level.breath = (None, None)  # nothing ran that a stall could move (E6)
        elif word == IN:
            level.note_breath(slot.at)
        if self in self.bed.inactive.off:
            return  # E26
        if self.is_present() and word != VOID and slot.word <= self.waits_after and not self.is_flagged():
            return  # E35: what was known before is no word
        if not may_begin and level.state != PRESENT:
            level.become_clear()  # a gate that shuts forgets the time
            word = VOID
        if self.is_flagged():
            if level.state != PRESENT:
                if word != OUT:
                    level.begun = None
                level.become_present(now)
            level.is_zero, level.in_force = word == OUT, word != VOID
        else:
            level.hear(word, now, gap, slot.at if slot else now)
        self.void = word == VOID and not self.is_flagged()
        if self.void:
            self.wait_for_a_value(now, gap)
        else:
            self.indeterminate_at = None
            said = slot.word if word != VOID else 0
            said = max(said, self.bed.flag_word) if self.is_flagged() else said
            if said > self.waits_after:
                self.indeterminate, self.waits_after = False, 0
        self.bed.touch(self)

    def word(self, slot):
        if slot is None or not slot.in_force:
            return VOID
        if slot.absent == "under_range" or slot.value == 0:
            return OUT
        return IN if slot.absent == "over_range" or slot.value is not None else VOID

    def run_present(self, now):
        before = self.levels[0].state
        self.levels[0].ripen(now)
        if self.levels[0].state != before:
            self.bed.touch(self)

    def run_clear(self, now):
        """A breath clears at once."""

    def nest(self, now):
        """There is one level."""

    def is_idle(self):
        return self.alarm is None and self.levels[0].state == CLEAR and self.levels[0].thaw_by is None

    def forget_values(self):
        level = self.levels[0]
        if level.state != PRESENT:
            level.become_clear()
        self.indeterminate_at, self.void, self.slot = None, True, None

    def gap(self):
        return self.bed.gap_of(self.slot.source if self.slot else None)

    def about(self, now):
        said = {}
        if self.slot is not None:
            said["source"] = self.slot.source.name
            said |= self.slot.said(now)
        return said
