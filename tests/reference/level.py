"""One level of a rule: the words out, band and in, and the states Clear, Pending and Present (E13, E14)."""

OUT, BAND, IN, VOID = "out", "band", "in", "void"
CLEAR, PENDING, PRESENT = "clear", "pending", "present"


class Level:
    """A level hears one word at a time; its deadlines are times of the boot-time clock, or None."""

    __slots__ = (
        "name", "limit", "delay", "clear_delay", "priority", "latch",
        "state", "onset", "decided", "present_at", "remaining", "thaw_by", "clear_at",
    )

    def __init__(self, name, limit, delay, clear_delay, priority, latch):
        self.name = name
        self.limit = limit
        self.delay = delay
        self.clear_delay = clear_delay
        self.priority = priority
        self.latch = latch
        self.onset = self.decided = None
        self.become_clear()

    def hear(self, word, now, gap, may_begin):
        """What the value of now means for the level. `may_begin`: whether it can leave Clear (E33)."""
        if self.state == CLEAR:
            if word == OUT and may_begin:
                self.begin(now)
        elif self.state == PENDING:
            self.hear_pending(word, now, gap)
        elif word == IN:  # E14: Present, in starts the clear timer
            if self.clear_at is None:
                self.clear_at = now + self.clear_delay
            if self.clear_delay == 0:
                self.become_clear()
        else:  # E14: band, out or void cancels it
            self.clear_at = None

    def begin(self, now):
        """E14: Clear to Pending at the first out; that is the onset."""
        self.state = PENDING
        self.onset = now
        self.present_at = now + self.delay
        if self.delay == 0:
            self.become_present(now)

    def hear_pending(self, word, now, gap):
        if word == IN:  # E14: in, Clear at once
            self.become_clear()
        elif word == OUT:  # E14: the delay runs only while out and in force
            if self.present_at is None:
                self.present_at = now + self.remaining
                self.thaw_by = None
        elif self.present_at is not None:  # E14: band or void freezes it
            self.remaining = self.present_at - now
            self.present_at = None
            self.thaw_by = now + gap

    def become_present(self, now):
        if self.state == CLEAR:
            self.onset = now
        self.state = PRESENT
        self.decided = now
        self.present_at = self.remaining = self.thaw_by = self.clear_at = None

    def become_clear(self):
        self.state = CLEAR
        self.present_at = self.remaining = self.thaw_by = self.clear_at = None

    def shift(self, by):
        """E6: a stall moves every pending deadline."""
        self.present_at = moved(self.present_at, by)
        self.thaw_by = moved(self.thaw_by, by)
        self.clear_at = moved(self.clear_at, by)

    def deadlines(self):
        return (self.present_at, self.thaw_by, self.clear_at)


def moved(deadline, by):
    return None if deadline is None else deadline + by
