"""References that are wrong on purpose: the comparison must see each of them."""

import apnea
import equipment
import inactive
import level
import limit
import machine
import source
import standby
import technical


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

    def take(self, said, quality, now, word):
        right(self, said, quality, now, word)
        if self.stale_at is not None:
            self.stale_at += 1

    source.Slot.take = take


def what_was_known_before_a_restart_is_a_word():
    """What is present waits for nothing new (E35)."""
    right = machine.Machine.hear

    def hear(self, word_of, now, gap, may_begin, word):
        self.waits_after = -1
        right(self, word_of, now, gap, may_begin, word)

    machine.Machine.hear = hear


def nobody_attends_over_a_restart():
    """The time of an unattended alarm runs while there is nobody to tell it (E23a, E34)."""
    machine.Alarm.stand_still = machine.Alarm.attend


def apnea_from_the_first_zero():
    """Its time does not begin with the last breath (E32)."""
    right = apnea.ApneaLevel.hear

    def hear(self, word, now, gap, said_at):
        right(self, word, now, gap, said_at)
        if word == level.IN:
            self.begun = self.due = None

    apnea.ApneaLevel.hear = hear


def a_cuff_that_is_overdue_late():
    """T of a cuff is 2 x its interval (E31)."""
    right = source.Source.note_measurement

    def note_measurement(self, now, words):
        right(self, now, words)
        if self.cuff_stale_at is not None:
            self.cuff_stale_at += self.nibp_interval // 2

    source.Source.note_measurement = note_measurement


def believed_again_too_soon():
    """After 29 s (E33)."""
    source.STEADY_AFTER = 29_000


def suspect_too_late():
    """After 121 s (E30)."""
    equipment.SETTINGS["suspect"] = equipment.TechnicalRule("low", 121_000, 0, None, None)


def another_device_is_not_seen():
    """Its sensors stay in the trouble that they were in (E30)."""
    technical.Sensor.end = lambda self, now: None


def audio_off_covers_what_is_high():
    """E25."""
    right = inactive.Inactive.cover

    def cover(self, it):
        before, it.alarm.priority = it.alarm.priority, "low"
        found = right(self, it)
        it.alarm.priority = before
        return found

    inactive.Inactive.cover = cover


def a_rule_that_is_on_again_is_not_judged():
    """Until its next word (E26)."""
    def turn_on(self, now, machine):
        self.off.pop(machine, None)
        self.bed.touch(machine)

    inactive.Inactive.turn_on = turn_on


def life_a_second_longer():
    """E28."""
    standby.LIFE_FOR = 121_000


WRONG = {it.__name__.replace("_", "-"): it for it in (
    limits_not_strict, a_delay_off_by_one, stale_a_millisecond_late, what_was_known_before_a_restart_is_a_word,
    nobody_attends_over_a_restart, apnea_from_the_first_zero, a_cuff_that_is_overdue_late, believed_again_too_soon,
    suspect_too_late, another_device_is_not_seen, audio_off_covers_what_is_high, a_rule_that_is_on_again_is_not_judged,
    life_a_second_longer,
)}
