"""What is paused or off, until when, and what that covers (E25, E26)."""

from equipment import Advisory
from level import CLEAR, PRESENT

AFTER_BOOT_AT_MOST = 30 * 60_000
ORDER_OF_ADVISORIES = {"no_patient": 1, "news2": 2, "alarms_inactive": 3}


class BedAdvisory(Advisory):
    """`no_patient`, `news2` or `alarms_inactive` of the bed."""

    def __init__(self, bed, code):
        super().__init__(bed, code, (ORDER_OF_ADVISORIES[code], 0))
        self.why = None

    def cause(self):
        return self.why

    def about(self, now):
        return {"cause": self.why}


class Inactive:
    """The inactivations of one bed. Their ends are moved by no stall."""

    def __init__(self, bed):
        self.bed = bed
        self.standby = False
        self.alarm_paused = None
        self.audio_off = None
        self.reminds_from = None  # the beginning of audio off
        self.off = {}  # a rule's machine: until when, and whether its extreme is off too
        self.advisory = BedAdvisory(bed, "alarms_inactive")

    def cover(self, machine):
        """E25: the first that applies, and until when."""
        alarm = machine.alarm
        if machine is self.advisory or alarm.signal == "off":
            return (None, None)
        urgent = alarm.level == "extreme" or machine.code == "apnea"
        if self.alarm_paused is not None and machine.kind == "physiological" and not urgent:
            return ("alarm_paused", self.alarm_paused)
        if alarm.signal == "acknowledged":
            return (None, None)
        if self.audio_off is not None and alarm.priority != "high":
            return ("audio_off", self.audio_off)
        if alarm.audio_paused is not None:
            return ("audio_paused", alarm.audio_paused)
        return (None, None)

    def deadlines(self):
        return [self.alarm_paused, self.audio_off, *(until for until, _ in self.off.values())]

    def run(self, now):
        """E3: audio paused, alarm paused, audio off, alarm off."""
        for machine in self.bed.machines():
            alarm = machine.alarm
            if alarm is not None and alarm.audio_paused is not None and alarm.audio_paused <= now:
                alarm.audio_paused = None
                self.bed.touch(machine)
        if self.alarm_paused is not None and self.alarm_paused <= now:
            self.pause_alarms(None)
        if self.audio_off is not None and self.audio_off <= now:
            self.turn_audio_off(now, None)
        for machine in sorted(self.off, key=lambda it: it.order):
            if self.off[machine][0] <= now:
                self.turn_on(now, machine)

    def pause_audio(self, until):
        """A mark on each alarm that is on or latched now; none takes it from all."""
        for machine in self.bed.machines():
            if machine.alarm is not None and machine is not self.advisory:
                if until is None or machine.alarm.signal in ("on", "latched"):
                    machine.alarm.audio_paused = until
                    self.bed.touch(machine)

    def pause_alarms(self, until):
        self.alarm_paused = until
        self.touch_all()

    def turn_audio_off(self, now, until):
        if until is None:
            self.reminds_from = None
        elif self.audio_off is None:
            self.reminds_from = now
        self.audio_off = until
        self.touch_all()

    def touch_all(self):
        for machine in self.bed.machines():
            if machine.alarm is not None:
                self.bed.touch(machine)

    def turn_off(self, machine, until, include_extreme):
        self.off[machine] = (until, include_extreme)
        for level in machine.levels:
            if level.name != "extreme" or include_extreme:
                level.become_clear()
        machine.worse = None

    def turn_on(self, now, machine):
        """E26: at the end what was not evaluated is judged at once."""
        if self.off.pop(machine, None) is None:
            return
        if machine.code != "apnea" and len(machine.levels) == 2 and machine.levels[1].state == PRESENT:
            machine.levels[0].become_clear()
            machine.levels[0].become_present(now)
            machine.levels[0].onset = machine.levels[1].onset
        if not self.standby:
            self.bed.judge_limit(now, machine)
        self.bed.touch(machine)

    def is_off(self, machine, level):
        found = self.off.get(machine)
        return found is not None and (found[1] or level.name == "limit" or machine.code == "apnea")

    def list_causes(self):
        causes = []
        if self.standby:
            causes.append("standby")
        if self.alarm_paused is not None:
            causes.append("alarm_paused")
        if self.audio_off is not None:
            causes.append("audio_off")
        codes = [it.code for it in sorted(self.off, key=lambda it: it.order)]
        causes += [f"alarm_off {code}" for code in dict.fromkeys(codes)]
        return causes

    def advise(self, now):
        """E26: `alarms_inactive` is there while any of them lasts."""
        causes = self.list_causes()
        if causes:
            if self.advisory.why != ", ".join(causes) and not self.bed.is_mute:  # its `end` keeps the list told last
                self.bed.touch(self.advisory)
                self.advisory.why = ", ".join(causes)
            if not self.advisory.is_present():
                self.advisory.begin(now)
        elif self.advisory.is_present():
            self.advisory.end(now)

    def kept(self, old, boot, by, stopped, now):
        """E34."""
        self.standby = old.standby
        self.advisory, self.advisory.bed = old.advisory, self.bed
        same = {(it.code, it.vital): it for it in (*self.bed.limits, *self.bed.apneas)}
        self.off = {same[it.code, it.vital]: found for it, found in old.off.items() if (it.code, it.vital) in same}
        self.audio_off, self.reminds_from = old.audio_off, old.reminds_from
        if boot == "same":
            self.alarm_paused = old.alarm_paused
            return
        if self.audio_off is not None:
            self.audio_off = now + min(self.audio_off - stopped, AFTER_BOOT_AT_MOST)
            self.reminds_from += by
            if self.advisory.alarm is not None:
                self.advisory.alarm.reminds_of = self.reminds_from
        self.off = {
            it: (now + min(until - stopped, AFTER_BOOT_AT_MOST), whole) for it, (until, whole) in self.off.items()
        }
