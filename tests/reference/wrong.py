"""References that are wrong on purpose: the comparison must see each of them."""

import level
import limit
import source


def limits_not_strict():
    """`v <= low` in place of `v < low` (E1)."""
    right = limit.LimitMachine.word

    def word(self, it, value, beyond):
        on_the_limit = value is not None and it is not self.worse and value == it.limit
        return level.OUT if on_the_limit else right(self, it, value, beyond)

    limit.LimitMachine.word = word


def a_delay_off_by_one():
    """Each delay a millisecond longer."""
    right = level.Level.begin

    def begin(self, now):
        right(self, now)
        if self.present_at is not None:
            self.present_at += 1

    level.Level.begin = begin


def stale_a_millisecond_late():
    """T a millisecond longer (E7)."""
    right = source.Slot.take

    def take(self, said, quality, now):
        right(self, said, quality, now)
        if self.stale_at is not None:
            self.stale_at += 1

    source.Slot.take = take


WRONG = {
    "limits-not-strict": limits_not_strict,
    "a-delay-off-by-one": a_delay_off_by_one,
    "stale-a-millisecond-late": stale_a_millisecond_late,
}
