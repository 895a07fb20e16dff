"""Levels that make one alarm: condition and signal as two objects (E12, E15, E16, E19, E22, E23, E27)."""

from level import CLEAR, PENDING, PRESENT, VOID, Level, moved
from words import CUFF, RANK


# E23a: to level 1 after 20 s, to level 2 after 60 s.
RISES = (20_000, 40_000)


class Machine:
    """One alarm object whatever its levels (E12). What it is an alarm of, its subclasses know."""

    kind = "physiological"
    vital = None

    def __init__(self, bed, code, levels, order):
        self.bed = bed
        self.code = code
        self.levels = levels  # from the least to the furthest out
        self.order = order  # where its record stands among those of one step (E4)
        self.alarm = None
        self.worse = None  # the hidden level of an acknowledgement (E23)
        self.void = True
        self.indeterminate = False
        self.indeterminate_at = None
        self.escalate_at = None  # technical alarms become more urgent by themselves (E30)
        self.opens_at = None  # E29: a rule that waits for a fallback anew
        self.waits_after = 0  # E35: what was present at a restart waits for a later word

    # ---- What its value says.

    def hear(self, word_of, now, gap, may_begin, word):
        """`word_of(level)`: out, band, in or void. `word`: the number of the word that says so (`Bed.next_word`)."""
        heard = VOID
        # E33: what is present is judged by its own vital until it clears.
        may_begin = may_begin or self.is_present()
        for level in self.all_levels():
            if self.bed.inactive.is_off(self, level):
                continue  # E26
            said = word_of(level)
            if said != VOID:
                heard = said
            level.hear(said, now, gap, may_begin or level is self.worse)
        self.nest(now)
        self.void = heard == VOID
        if self.void:
            self.wait_for_a_value(now, gap)
        else:
            self.indeterminate_at = None
            if word > self.waits_after:
                self.indeterminate = False  # E16: the first value that is not void
                self.waits_after = 0
        self.bed.touch(self)

    def wait_for_a_value(self, now, gap):
        """E16: Present and void for G makes it indeterminate."""
        if not self.is_present() or self.indeterminate or self.indeterminate_at is not None:
            return
        if gap == 0 and self.vital in CUFF:  # at once (E31)
            self.indeterminate = True
        elif gap is not None:
            self.indeterminate_at = now + gap

    def nest(self, now):
        """E15: when a level becomes Present, so do those less far out."""
        for index, level in enumerate(self.levels):
            if self.bed.inactive.is_off(self, level):
                continue
            if level.state != PRESENT and any(it.state == PRESENT and it.decided == now for it in self.levels[index + 1:]):
                level.become_present(now)

    def is_present(self):
        return any(level.state == PRESENT for level in self.levels)

    def is_idle(self):
        """Nothing of it is pending, present or due."""
        return self.alarm is None and self.levels[0].state == CLEAR and self.levels[-1].state == CLEAR

    def all_levels(self):
        return self.levels if self.worse is None else [*self.levels, self.worse]

    def top(self):
        """The highest Present level."""
        present = [level for level in self.levels if level.state == PRESENT]
        return present[-1] if present else None

    # ---- Deadlines, in the order of E3.

    def run_present(self, now):
        for level in self.all_levels():
            if level.present_at is not None and level.present_at <= now:
                level.become_present(now)
                self.bed.touch(self)
        self.nest(now)

    def run_freeze(self, now):
        for level in self.all_levels():
            if level.thaw_by is not None and level.thaw_by <= now:  # E14: a continuous freeze of G
                level.become_clear()
        if self.indeterminate_at is not None and self.indeterminate_at <= now:
            self.indeterminate_at = None
            if self.is_present():
                self.indeterminate = True
                self.bed.touch(self)

    def run_clear(self, now):
        for level in self.levels:
            if level.clear_at is not None and level.clear_at <= now:
                level.become_clear()
                self.bed.touch(self)

    def run_escalation(self, now):
        if self.escalate_at is not None and self.escalate_at <= now:
            self.escalate_at = None
            self.levels[0].priority = self.urgent
            self.bed.touch(self)

    def deadlines(self):
        found = [self.indeterminate_at, self.escalate_at]
        for level in self.all_levels():
            found += level.deadlines()
        alarm = self.alarm
        if alarm is not None:
            found += (alarm.continue_at, alarm.remind_at, alarm.rise_at, alarm.audio_paused)
        return found

    def shift(self, by):
        """E6."""
        self.indeterminate_at = moved(self.indeterminate_at, by)
        self.escalate_at = moved(self.escalate_at, by)
        self.opens_at = moved(self.opens_at, by)
        for level in self.all_levels():
            level.shift(by)
        if self.alarm is not None:
            self.alarm.continue_at = moved(self.alarm.continue_at, by)
            self.alarm.remind_at = moved(self.alarm.remind_at, by)
            self.alarm.rise_at = moved(self.alarm.rise_at, by)

    # ---- A restart.

    def lose_device(self, now):
        """E30: another device is on its line: Pending is Clear, Present indeterminate, the hidden level Clear."""
        for level in self.levels:
            if level.state != PRESENT:
                level.become_clear()
        if self.worse is not None:
            self.worse.become_clear()
        if self.is_present():
            self.indeterminate, self.indeterminate_at = True, None
        self.bed.touch(self)

    def move(self, by):
        """E35: times of another boot are moved as if no time had passed, stopping at 0."""
        self.shift(by)
        alarm = self.alarm
        for part in (*self.levels, alarm) if alarm is not None else self.levels:
            part.onset, part.decided = not_below_0(part.onset, by), not_below_0(part.decided, by)
        if alarm is not None:
            alarm.acknowledged_at = not_below_0(alarm.acknowledged_at, by)
            priority, level, onset, decided, limit = alarm.stood_at
            alarm.stood_at = (priority, level, not_below_0(onset, by), not_below_0(decided, by), limit)

    def forget_values(self):
        """E34, other boot: pending levels and values are dropped, present levels stay."""
        for level in self.levels:
            if level.state == PENDING:
                level.become_clear()
            level.clear_at = None  # E14: void cancels the clear timer
        self.worse = self.indeterminate_at = None
        self.void = True

    # ---- The end of a step: what the levels mean for the alarm and its signal.

    def settle(self, now):
        """Brings the alarm in line with its levels; says nothing yet."""
        top = self.top()
        if top is None:
            self.indeterminate, self.indeterminate_at = False, None
        alarm = self.alarm
        if alarm is None:
            if top is None:
                return
            alarm = self.alarm = Alarm(now)
            self.born(now)
        if top is None:
            self.settle_clear(alarm)
        else:
            self.settle_present(alarm, top, now)
        alarm.cover = self.bed.inactive.cover(self)
        if self is self.bed.inactive.advisory and alarm.signal != "off":
            self.remind_of_audio_off(alarm)
        if self.bed.is_mute:
            alarm.stand_still(now)
        else:
            alarm.attend(now)

    def remind_of_audio_off(self, alarm):
        """E25: every 180 s from its beginning."""
        begun = self.bed.inactive.reminds_from
        if begun is None:
            alarm.remind_at = alarm.reminds_of = None
            alarm.owes_reminder = False
        elif alarm.reminds_of != begun:
            alarm.reminds_of, alarm.remind_at = begun, begun + self.bed.rules.reminder

    def settle_clear(self, alarm):
        self.drop_acknowledgement_level()
        if alarm.condition == "clear":
            return
        alarm.condition = "clear"
        if self.bed.is_mute:
            alarm.reason = None
        # E19: latched if a level reached in this life latches and the signal is on; acknowledged does not latch.
        latches = alarm.signal == "on" and alarm.latching
        alarm.signal = "latched" if latches and not alarm.was_reset else "off"
        alarm.remind_at = None

    def settle_present(self, alarm, top, now):
        if self.bed.is_mute and alarm.condition == "clear":
            alarm.began_again, self.waits_after = True, 0
        if alarm.signal == "latched":  # E22: latched and a level Present again
            alarm.signal, alarm.audio_paused = "on", None
        elif alarm.signal == "off" and self.bed.is_mute:  # E35: it has ended, and nobody was told yet
            alarm.annunciate_again()
        alarm.condition = self.condition()
        alarm.latching = alarm.latching or any(it.latch for it in self.levels if it.state == PRESENT)
        if alarm.priority is not None and RANK[top.priority] > RANK[alarm.priority]:  # E22: escalate
            alarm.annunciate_again()
            self.drop_acknowledgement_level()
        alarm.stand_at(top)
        if self.worse is not None and self.worse.state == PRESENT:  # E23
            alarm.annunciate_again()
            alarm.reason = "worse"
            self.drop_acknowledgement_level()
        if self.void:
            # Present at the very moment when its value becomes void.
            self.wait_for_a_value(now, self.gap())

    def condition(self):
        if not self.is_present():
            return "clear"
        return "indeterminate" if self.indeterminate else "present"

    def drop_acknowledgement_level(self):
        self.worse = None

    def stay_quiet(self, now):
        """E35: before the first step of a run nothing is told, and what was to be told is over."""
        alarm = self.alarm
        if alarm is not None:
            alarm.continue_at = None
            if alarm.is_over() and alarm.told is None:
                self.alarm = None
            elif alarm.remind_at is not None and alarm.remind_at <= now:
                alarm.remind_at = None
                alarm.owes_reminder = True

    def acknowledge(self, now, by):
        self.alarm.signal, self.alarm.audio_paused = "acknowledged", None
        self.alarm.acknowledged_by, self.alarm.acknowledged_at = by, now
        self.alarm.remind_at = now + self.bed.rules.reminder  # E27
        self.watch_for_worse(now)
        self.bed.touch(self)

    def watch_for_worse(self, now):
        """E23: only limits have values that can get worse."""

    def reset(self):
        """The operator's reset of what is latched or indeterminate."""
        if self.is_present():
            for level in self.levels:
                level.become_clear()
        self.alarm.was_reset = True
        if self.alarm.signal == "latched":
            self.alarm.signal = "off"
        self.bed.touch(self)

    def begin_again(self, now):
        """After a reset: what is said next counts."""

    def reset_whole(self, reason, keep_extreme=False):
        """An action ends it, whatever its condition."""
        for level in self.levels:
            if not (keep_extreme and level.name == "extreme"):
                level.become_clear()
        self.worse = self.escalate_at = self.indeterminate_at = None
        self.indeterminate = False
        alarm = self.alarm
        alarm.was_reset, alarm.signal, alarm.condition, alarm.reason = True, "off", "clear", reason
        self.bed.touch(self)

    def born(self, now):
        pass

    def cause(self):
        """What brought a technical alarm about."""
        return None

    def news(self):
        """What else is a change if it differs from what was told last."""
        return None


def not_below_0(at, by):
    return None if at is None else max(0, at + by)


class Alarm:
    """What E18 to E22 keep of one alarm from its start to its end."""

    def __init__(self, now):
        self.id = None  # given when it is first told
        self.revision = 0
        self.born_at = now
        self.condition = "present"
        self.signal = "on"
        self.priority = None
        self.peak = None
        self.level = None
        self.onset = self.decided = self.limit = None
        self.latching = False
        self.was_reset = False
        self.began_again = False  # after a restart, before its first step
        self.acknowledged_by = self.acknowledged_at = None
        self.reason = None  # of the next record only
        self.continue_at = None
        self.remind_at = None
        self.escalation_level = 0
        self.rise_at = None  # E23a: when nobody has attended to it for long enough
        self.rise_left = RISES[0]
        self.owes_reminder = False  # one fell due before a restart was over
        self.told = None  # the state of the last record
        self.audio_paused = None  # until when the operator paused its sound (E25)
        self.cover = (None, None)
        self.reminds_of = None

    def stand_at(self, level):
        """E20: onset, decision and limit are those of the named level; without a present one the last stays."""
        self.priority = level.priority
        self.level = level.name
        self.onset, self.decided, self.limit = level.onset, level.decided, level.limit

    def annunciate_again(self):
        """E22, E23: the signal is on, and no acknowledgement covers it."""
        self.signal, self.audio_paused = "on", None
        self.acknowledged_by = self.acknowledged_at = None
        self.remind_at, self.owes_reminder = None, False

    def attend(self, now):
        """E23a: the time runs while high, on and present, stands still while indeterminate, else begins anew."""
        if self.signal != "on" or self.priority != "high":
            self.escalation_level, self.rise_at, self.rise_left = 0, None, RISES[0]
        elif self.condition != "present" or self.cover[0] is not None:
            if self.rise_at is not None:
                self.rise_left, self.rise_at = self.rise_at - now, None
        elif self.escalation_level < len(RISES):
            if self.rise_at is None:
                self.rise_at = now + self.rise_left
            if self.rise_at <= now:
                self.escalation_level += 1
                self.rise_at = None
                if self.escalation_level < len(RISES):
                    self.rise_left = RISES[self.escalation_level]
                    self.rise_at = now + self.rise_left

    def stand_still(self, now):
        """E23a: the time stands still over a restart."""
        if self.signal != "on" or self.priority != "high":
            self.escalation_level, self.rise_at, self.rise_left = 0, None, RISES[0]
        elif self.rise_at is not None:
            self.rise_left, self.rise_at = self.rise_at - now, None

    def is_due(self, now):
        """Whether one of the timers of the signal has run."""
        return (
            self.continue_at is not None and self.continue_at <= now
            or self.remind_at is not None and self.remind_at <= now
            or self.rise_at is not None and self.rise_at <= now
        )

    def is_over(self):
        return self.signal == "off"
