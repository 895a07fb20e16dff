"""Bed-hours of patients: numbers that wander as those of people do, with the limits of the clinician's file."""

import pathlib
import tomllib
from random import Random

from lines import Lines, name_of

HOUR = 3_600_000
FILE = pathlib.Path(__file__).resolve().parents[2] / "config/alarms.toml"
UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}

# Of an adult at rest: mean, how far it wanders, per second towards the mean, steps in which the device shows it.
AT_REST = {
    "heart_rate": (78, 0.9, 0.02, 1_000),
    "pulse_rate": (78, 0.9, 0.02, 1_000),
    "spo2": (96, 0.2, 0.03, 1_000),
    "resp_rate": (16, 0.4, 0.03, 1_000),
    "abp_mean": (85, 1.0, 0.02, 1_000),
    "temperature": (37, 0.005, 0.01, 100),
    "nibp_systolic": (122, 1.0, 0.01, 1_000),
    "nibp_diastolic": (76, 0.8, 0.01, 1_000),
    "nibp_mean": (90, 0.8, 0.01, 1_000),
}
# What happens to people and to sensors: how it moves each mean, over how many seconds.
EPISODES = {
    "desaturation": {"spo2": -16, "heart_rate": 15, "pulse_rate": 15, "resp_rate": 8},
    "tachycardia": {"heart_rate": 70, "pulse_rate": 70},
    "bradycardia": {"heart_rate": -42, "pulse_rate": -42},
    "hypotension": {"abp_mean": -30, "nibp_systolic": -40, "nibp_mean": -30, "heart_rate": 25, "pulse_rate": 25},
    "fever": {"temperature": 2, "heart_rate": 18, "pulse_rate": 18, "resp_rate": 6},
    "slow breathing": {"resp_rate": -11, "spo2": -5},
}
ABSENCES = {
    "probe off": (("spo2", "pulse_rate"), "sensor_off"),
    "leads off": (("heart_rate",), "lead_off"),
    "searching": (("spo2", "pulse_rate"), "searching"),
}


class QuietHour:
    """One patient for an hour: a monitor each second, a thermometer, a cuff every five minutes."""

    def __init__(self, seed, _features):
        self.random = Random(seed)
        self.lines, self.records = [], []
        self.reference = Lines()
        self.open = {}
        self.levels = {vital: float(mean) for vital, (mean, *_) in AT_REST.items()}
        self.episode, self.episode_until = None, 0
        self.absence, self.absence_until = None, 0
        self.cuff = {}
        self.actions = 0
        period = self.random.choice((1_000, 1_000, 2_000, 5_000))
        self.period = period
        self.setup = clinicians_rules(self.random.choice(("adult", "adult", "adolescent"))) | {
            "run": "r1",
            "sources": [{"name": "monitor", "period": period, "critical": True}],
            "prefer": {},
        }

    def run(self):
        self.feed({"t": 0, "setup": self.setup})
        for t in range(self.period, HOUR, self.period):
            self.wander(t)
            if self.random.random() < 0.0003:
                continue  # a frame that was lost
            self.feed({"t": t, "observe": {"source": "monitor", "vitals": self.said(t)}})
            if self.open and self.random.random() < 0.02 * self.period / 1_000:
                self.act(t)
        self.feed({"t": HOUR, "poll": None})
        return self.lines, self.records

    def wander(self, t):
        random = self.random
        if t >= self.episode_until:
            self.episode = None
            if random.random() < self.period / 400_000:
                self.episode = random.choice(list(EPISODES))
                self.episode_until = t + random.randint(30, 400) * 1_000
        if t >= self.absence_until:
            self.absence = None
            if random.random() < self.period / 300_000:
                self.absence = random.choice(list(ABSENCES))
                self.absence_until = t + random.randint(2, 90) * 1_000
        moved = EPISODES.get(self.episode, {})
        seconds = self.period / 1_000
        for vital, (mean, noise, pull, _) in AT_REST.items():
            target = mean + moved.get(vital, 0)
            towards = min(1.0, (pull if vital not in moved else 4 * pull) * seconds)
            self.levels[vital] += (target - self.levels[vital]) * towards + random.gauss(0, noise)

    def said(self, t):
        vitals = {}
        missing, reason = ABSENCES.get(self.absence, ((), None))
        for vital, (*_, step) in AT_REST.items():
            if vital in missing:
                vitals[vital] = reason
            elif vital.startswith("nibp"):
                if t % 300_000 < self.period or vital not in self.cuff:
                    self.cuff[vital] = shown(self.levels[vital], step)
                vitals[vital] = self.cuff[vital]
            else:
                vitals[vital] = shown(self.levels[vital], step)
        vitals["spo2"] = min(vitals["spo2"], 100_000) if isinstance(vitals["spo2"], int) else vitals["spo2"]
        return vitals

    def act(self, t):
        self.actions += 1
        alarm, newest = self.random.choice(list(self.open.items()))
        what = "reset" if newest["signal"] == "latched" else "acknowledge"
        action = {"id": f"a{self.actions}", "do": what, "by": "nurse", "seen_ms": t, "alarm": list(alarm)}
        self.feed({"t": t, "act": action | {"seen": newest["priority"]}})

    def length(self):
        """For how long it went on, ms."""
        return self.lines[-1]["t"] - self.lines[0]["t"]

    def feed(self, line):
        told = self.reference.feed(line)
        self.lines.append(line)
        for said in told:
            self.records.append(said)
            if "code" in said:
                if said["signal"] == "off":
                    self.open.pop(name_of(said), None)
                else:
                    self.open[name_of(said)] = said


def shown(level, step):
    return round(level * 1_000 / step) * step


def clinicians_rules(profile):
    """The rules of one profile of config/alarms.toml, as a setup."""
    file = tomllib.loads(FILE.read_text())
    defaults = file["defaults"]
    vitals = {name: dict(it) for name, it in file["profile"][profile].items()}
    rules = []
    for vital, it in vitals.items():
        it = vitals[it["same_as"]] | it if "same_as" in it else it
        for direction in ("low", "high"):
            limit = it.get(direction, "off")
            if limit != "off":
                rules.append(one_rule(vital, direction, it, limit, defaults))
    technical = file["technical"]
    return {
        "gap_tolerance": ms(defaults["gap_tolerance"]),
        "continue_every": ms(defaults["continue_every"]),
        "reminder": ms(defaults["reminder"]),
        "technical": {
            name: {key: ms(value) for key, value in technical[name].items() if key != "priority"} for name in technical
        },
        "rules": rules,
    }


def one_rule(vital, direction, it, limit, defaults):
    cuff = vital.startswith("nibp")
    rule = {
        "vital": vital,
        "direction": direction,
        "hysteresis": 0 if cuff else thousandths(it["hysteresis"]),
        "clear_delay": 0 if cuff else ms(it.get("clear_delay", defaults["clear_delay"])),
        "limit": one_level("limit", "limit", "delay", limit, defaults),
    }
    if "extreme" in limit:
        rule["extreme"] = one_level("extreme", "extreme", "extreme_delay", limit, defaults)
    if "worse_by" in it:
        rule["worse_by"] = thousandths(it["worse_by"])
    if "fallback_for" in it:
        rule["fallback_for"] = it["fallback_for"]
    return rule


def one_level(name, at, delay, limit, defaults):
    priority = limit.get("priority", defaults[name]["priority"]) if name == "limit" else defaults[name]["priority"]
    return {
        "at": thousandths(limit[at]),
        "delay": ms(limit.get(delay, "0s")),
        "priority": priority,
        "latch": defaults[name]["latch"],
    }


def thousandths(amount):
    return round(amount * 1_000)


def ms(duration):
    unit = duration.lstrip("0123456789")
    return int(duration.removesuffix(unit)) * UNITS[unit]
