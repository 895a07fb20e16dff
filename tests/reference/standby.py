"""A bed without its patient: standby, signs of life, the stay (E28)."""

from level import VOID

LIFE_FOR = 120_000
SIGNS_OF_LIFE = ("heart_rate", "pulse_rate", "spo2", "resp_rate", "resp_rate_impedance", "resp_rate_co2")


class Standby:
    """What a bed does besides, mixed into it."""

    def begin_standby(self, now, reason):
        told = self.end_alarms(now, [it for it in self.machines() if it is not self.inactive.advisory], reason)
        self.inactive.standby = True
        for machine in self.machines():
            if machine is not self.inactive.advisory:
                for level in machine.levels:
                    level.become_clear()
                machine.escalate_at = machine.indeterminate_at = None
                machine.indeterminate = False
        for sensor in self.sensors.values():
            sensor.forget()
        for machines in self.equipment.values():
            machines["device_changed"].said = VOID
        self.life_at = None
        self.notice_life(now)
        return told

    def end_alarms(self, now, machines, reason, keep_extreme=False):
        """The action tells the alarms that it ends first, in the order of E4."""
        ended = sorted((it for it in machines if it.alarm is not None), key=lambda it: it.order)
        for machine in ended:
            machine.reset_whole(reason, keep_extreme)
        return self.tell_all(ended, now)

    def end_standby(self, now):
        self.inactive.standby = False
        self.life_at = None
        self.begin_anew(now)

    def begin_anew(self, now):
        """What has a value in force is judged, onset then; a source that is silent is so T after it."""
        for machine in (*self.limits, *self.apneas):
            self.judge_limit(now, machine)
        for origin in self.sources.values():
            for sensor in {self.sensor_name(it.vital) for it in origin.slots.values()}:
                self.sensor(origin, sensor).judge(now)
            if origin.silent_at is None:
                origin.silent_at, origin.unheard = now + origin.fresh_for, True
            no_data, port_gone = self.silences[origin.name]
            origin.silent, origin.port_gone = no_data.is_present(), port_gone.is_present()
            for machine in self.equipment[origin.name].values():
                if machine.code.startswith("nibp_") and origin.unheard and not origin.slots:
                    continue  # E34: its words of another boot are dropped until it is heard
                if machine.code != "device_changed" and (machine.code != "suspect" or origin.misses()):
                    machine.judge(now)
        self.judge_agreement(now)

    def notice_life(self, now):
        """Signs of life for 2 min unbroken end it."""
        if not self.inactive.standby:
            self.life_at = None
        elif not any(self.lives(vital) for vital in SIGNS_OF_LIFE):
            self.life_at = None
        elif self.life_at is None:
            self.life_at = now + LIFE_FOR

    def lives(self, vital):
        choice = self.choices.get(vital)
        slot = choice.believed if choice is not None else None
        return slot is not None and slot.in_force and slot.value is not None and slot.value > 0

    def run_life(self, now):
        self.notice_life(now)  # E3: what has become stale at this deadline has cancelled it
        if self.life_at is not None and self.life_at <= now:
            self.end_standby(now)
            self.forget_stay(now)
            self.stay = None
            self.no_patient.begin(now)

    def forget_stay(self, now):
        self.inactive.pause_alarms(None)
        self.inactive.turn_audio_off(now, None)
        self.inactive.pause_audio(None)
        for machine in list(self.inactive.off):
            self.inactive.turn_on(now, machine)

    def admit(self, now, stay):
        told = self.end_alarms(now, [*self.limits, *self.apneas], "new stay")
        self.forget_stay(now)
        self.stay = stay
        for machine in (*self.limits, *self.apneas):
            for level in machine.levels:
                level.become_clear()
            machine.worse = machine.indeterminate_at = None
            machine.indeterminate = False
        self.inactive.standby = False
        self.life_at = None
        self.no_patient.end(now)
        self.begin_anew(now)
        return told
