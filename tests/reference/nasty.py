"""Bed-hours made to find mistakes: values at limits, times at deadlines, absences, actions and restarts at bad moments."""

from random import Random

from actions import LONGEST
from chance import marks_of, rule_around, value_near
from lines import Lines, name_of
from words import CUFF, QUALITIES, REASONS, SENSOR_OF, SENSOR_REASONS, SENSORS, UNUSABLE, VITALS

HOUR = 3_600_000
FALLBACKS = {"pulse_rate": "heart_rate", "resp_rate_impedance": "resp_rate", "resp_rate_co2": "resp_rate_impedance"}
RATES = ("resp_rate", "resp_rate_impedance", "resp_rate_co2")
PERIODS = (500, 1_000, 1_000, 1_000, 2_000, 5_000, 5_000, 60_000)
# What a sensor with one kind of trouble says, and what one with any.
REASONS_OF = {
    "sensor_off": tuple(it for it in REASONS if it in SENSOR_REASONS),
    "no_value": tuple(it for it in REASONS if it not in SENSOR_REASONS),
    "any": REASONS,
}
JUDGED = tuple(it for it in QUALITIES if it not in UNUSABLE)


class NastyHour:
    """One bed for about an hour. It listens to the reference, to hit its deadlines and its alarms."""

    def __init__(self, seed, features):
        self.random = Random(seed)
        self.features = features
        self.lines, self.records = [], []
        self.reference = Lines()
        self.runs = self.told_times = 0
        self.actions = 0
        self.open = {}  # how an action names an alarm: its newest record
        self.moods, self.troubles = {}, {}
        self.mixing = 0.5 if self.has("several troubles") and self.chance(0.3) else 0.0
        self.held = {}
        self.now = self.begun = self.random.choice((0, 1, 5_000, 86_400_000))
        self.setup = self.make_setup()
        self.lasted, self.since = 0, self.now
        self.feed({"t": self.now, "setup": self.setup})

    def has(self, feature):
        return feature in self.features

    def chance(self, probability):
        return self.random.random() < probability

    # ---- The setup.

    def make_setup(self):
        random = self.random
        vitals = random.sample([it for it in VITALS if it not in CUFF], random.randint(1, 4))
        if self.has("fallbacks") and self.chance(0.4):
            vitals += random.choice((["heart_rate", "pulse_rate"], ["resp_rate", "resp_rate_impedance", "resp_rate_co2"]))
        if self.has("apnea") and self.chance(0.4):
            vitals += random.choice((["resp_rate"], ["resp_rate_co2"], ["resp_rate_impedance", "resp_rate"]))
        if self.has("cuffs") and self.chance(0.4):
            vitals += random.sample(SENSORS["cuff"], random.randint(1, 3))
        self.vitals = sorted(set(vitals))
        count = random.randint(1, 3) if self.has("several sources") else 1
        sources = [
            {
                "name": f"s{random.randint(0, 99):02}-{index}",
                "period": random.choice(PERIODS),
                "critical": self.chance(0.5),
                "same_limb": self.has("cuffs") and self.chance(0.5),
            }
            for index in range(count)
        ]
        for it in sources:
            if self.has("cuffs") and self.chance(0.5):
                it["nibp_interval"] = random.choice((20_001, 60_000, 300_000))
        self.names = [it["name"] for it in sources]
        self.repeated = {}
        self.periods = {it["name"]: it["period"] for it in sources}
        self.gives = {name: [it for it in self.vitals if self.chance(0.75)] for name in self.names}
        if not (self.has("one vital from several sources") and self.chance(0.6)):
            owner = {it: random.choice(self.names) for it in self.vitals}
            self.gives = {name: [it for it in self.vitals if owner[it] == name] for name in self.names}
        self.due = {name: self.now + random.randint(0, self.periods[name]) for name in self.names}
        if count > 1 and self.chance(0.15):
            sources.pop()  # a source that nobody announced
        return self.run_setup() | {
            "gap_tolerance": random.choice((0, 1_000, 10_000, 10_000, 20_000)),
            "continue_every": random.choice((15_000, 15_000, 60_000)),
            "reminder": random.choice((30_000, 180_000, 180_000)),
            "technical": {
                "sensor_off": self.trouble(),
                "no_value": self.trouble(),
                "no_data": {"high_after": random.choice((5_000, 60_000, 180_000))},
            },
            "sources": sources,
            "prefer": self.preferences([it["name"] for it in sources]),
            "rules": self.make_rules(),
            "apnea": self.make_apnea(),
            "stay": random.choice(("stay-1", None)) if self.has("standby and stays") else None,
        }

    def run_setup(self):
        self.runs += 1
        return {"run": f"r{self.runs}"}

    def trouble(self):
        return {
            "delay": self.random.choice((0, 1_000, 10_000, 30_000)),
            "clear_delay": self.random.choice((0, 3_000, 3_000)),
            "medium_after": self.random.choice((5_000, 60_000)),
        }

    def preferences(self, names):
        found = {}
        for vital in self.vitals:
            if self.chance(0.5):
                found[vital] = self.random.sample(names, len(names))
        return found

    def make_rules(self):
        rules = []
        for vital in self.vitals:
            other = FALLBACKS.get(vital) if self.has("fallbacks") and self.chance(0.8) else None
            for direction in ("low", "high"):
                if self.chance(0.8):
                    rules.append(rule_around(self.random, vital, direction, vital in CUFF, other))
        return rules

    def make_apnea(self):
        rules = []
        for vital in RATES:
            if self.has("apnea") and vital in self.vitals and self.chance(0.7):
                rule = {"vital": vital, "time": self.random.choice((3_000, 10_000, 20_000, 20_000, 40_000))}
                if self.has("fallbacks") and vital in FALLBACKS and self.chance(0.6):
                    rule["fallback_for"] = FALLBACKS[vital]
                rules.append(rule)
        return rules

    # ---- The hour.

    def run(self):
        while self.now < self.begun + HOUR:
            self.step()
        self.feed({"t": self.now, "poll": None})
        return self.lines, self.records

    def step(self):
        random = self.random
        name = min(self.due, key=self.due.get)
        at = max(self.due[name], self.now)
        deadline = self.reference.bed.next_at
        roll = random.random()
        if deadline is not None and deadline <= at and roll < 0.25:
            # At the deadline, or a millisecond beside it.
            self.now = max(self.now, deadline + random.choice((-1, 0, 0, 1)))
            self.something(name)
            return
        self.now = at
        if roll > 0.97:
            self.something(name)
            self.now += random.choice((0, 0, 1))
        self.say(name)
        period = self.periods[name]
        # Not from `at`: what came before may have been a restart, whose clock is another.
        self.due[name] = self.now + random.choice((period, period, period, period, period - 1, period + 1, 3 * period))
        if self.chance(0.003):
            self.due[name] = at + random.randint(period, 240_000)  # long quiet

    def something(self, name):
        """Something other than the next sample."""
        kinds = [self.say, self.say, self.poll, self.frame]
        if self.has("acknowledge and reset"):
            kinds += [self.act] * 4
        if self.has("pauses and offs"):
            kinds += [self.pause] * 2
        if self.has("standby and stays") and self.chance(0.3):
            kinds.append(self.change_stay)
        if self.has("late data"):
            kinds.append(self.late)
        if self.has("silence") and self.chance(0.3):
            kinds.append(self.port_gone)
        if self.has("stalls") and self.chance(0.2):
            kinds.append(self.stall)
        if self.chance(0.1) and (self.has("restart, same boot") or self.has("restart, other boot")):
            kinds.append(self.restart)
        if self.has("reload") and self.chance(0.3):
            kinds.append(self.reload)
        if self.has("flags") and self.chance(0.4):
            kinds.append(self.flag)
        if self.has("another device") and self.chance(0.1):
            kinds.append(self.another_device)
        if self.has("refused observations") and self.chance(0.2):
            kinds.append(self.too_early)
        if name not in self.reference.bed.sources:
            kinds = [self.say]
        self.random.choice(kinds)(name)

    # ---- Inputs.

    def say(self, name):
        """One observation: each vital in the mood that it is in."""
        random = self.random
        until, observation = self.repeated.get(name, (0, None))
        if self.now < until and not self.chance(0.01):
            self.feed({"t": self.now, "observe": observation})
            return
        vitals = {}
        for vital in self.gives[name]:
            said = self.said(name, vital)
            if said is not None:
                vitals[vital] = said
        if not vitals:
            self.frame(name)
            return
        observation = {"source": name, "vitals": vitals}
        only_cuff, gives_only_cuff = all(it in CUFF for it in vitals), all(it in CUFF for it in self.gives[name])
        # A cuff's own message has always a time, or never; a monitor's has one now and then.
        if (gives_only_cuff and self.periods[name] > 1_000) or (not only_cuff and self.chance(0.3)):
            observation["device_time"] = self.device_time()
        if self.has("repetition") and "device_time" in observation and self.chance(0.02):
            self.repeated[name] = (self.now + random.choice((100_000, 120_000, 200_000)), observation)
        self.feed({"t": self.now, "observe": observation})

    def device_time(self):
        """Each time another, but where the device repeats itself."""
        self.told_times += 1
        minutes, seconds = divmod(self.told_times, 60)
        return f"2026-01-01T{minutes // 60:02}:{minutes % 60:02}:{seconds:02}Z"

    def said(self, name, vital):
        random = self.random
        key = (name, vital)
        mood, until = self.moods.get(key, ("near", 0))
        if self.now >= until:
            trouble = self.trouble_of(name, vital)
            moods = self.moods_of(trouble)
            if vital in CUFF:
                trouble, moods = "any", ["near", "one value", "absent", "absent", "marked", "wild", "beyond", "unnamed"]
            if vital in RATES and self.has("apnea"):
                moods += ["apnea"] * 3
            mood = random.choice(moods)
            self.moods[key] = (mood, self.now + random.choice((3_000, 10_000, 20_000, 40_000, 120_000)))
            self.held[key] = random.choice(REASONS_OF[trouble]) if mood == "absent" else self.one_value(vital)
        if mood == "unnamed":
            return None
        if mood == "absent":
            changes = self.chance(0.3)
            kind = "any" if vital in CUFF else self.trouble_of(name, vital)
            return random.choice(REASONS_OF[kind]) if changes else self.held[key]
        if mood == "one value":
            return self.held[key]
        if mood == "marked":
            marks = QUALITIES if self.trouble_of(name, vital) in ("no_value", "any") else JUDGED
            return {"value": self.one_value(vital), "quality": sorted(random.sample(marks, random.randint(1, 2)))}
        if mood == "beyond" and not random.random() < 0.3:
            return random.choice(("under_range", "over_range"))
        if mood == "apnea":
            return random.choice((0, 0, 0, 0, 0, "under_range", 1, 1_000))
        if mood == "wild":
            lowest, highest = VITALS[vital]
            return random.choice((lowest - 1, highest + 1, lowest, highest))
        return self.one_value(vital)

    def trouble_of(self, name, vital):
        """Most sensors have one kind of trouble; of some two alternate."""
        kinds = ("sensor_off", "implausible", "no_value", "no_value")
        key = (name, SENSOR_OF[vital])
        if key not in self.troubles:
            self.troubles[key] = "any" if self.chance(self.mixing) else self.random.choice(kinds)
        return self.troubles[key]

    def moods_of(self, trouble):
        """What a sensor with this trouble may say of a vital."""
        moods = ["near", "near", "one value", "one value", "one value"]
        if self.has("absences") and trouble != "implausible":
            moods += ["absent", "absent"]
        if self.has("absences") and trouble in ("no_value", "any"):
            moods.append("unnamed")
        if self.has("ranges") and trouble in ("no_value", "any"):
            moods.append("beyond")
        if self.has("quality"):
            moods.append("marked")
        if self.has("implausible values") and trouble in ("implausible", "any"):
            moods.append("wild")
        return moods

    def one_value(self, vital):
        return value_near(self.random, vital, marks_of(self.setup["rules"], vital))

    def poll(self, _):
        self.feed({"t": self.now, "poll": None})

    def frame(self, name):
        self.feed({"t": self.now, "frame": name})

    def late(self, name):
        self.feed({"t": self.now, "late": name})

    def port_gone(self, name):
        self.poll(None)
        link = {"source": name, "cause": self.random.choice(("mqtt", "gateway"))} if self.chance(0.3) else name
        self.feed({"t": self.now, "port_gone": link})
        self.due[name] = self.now + self.random.choice((1_000, 20_000, 120_000))

    def flag(self, name):
        flag = self.random.choice(("apnea", "apnea", "bad_data_rate", "device_battery", "clock_skew", "cuff_inflating"))
        if flag == "cuff_inflating" and not self.has("cuffs"):
            return
        self.feed({"t": self.now, "flag": {"source": name, "flag": flag, "on": self.chance(0.6)}})

    def another_device(self, name):
        self.feed({"t": self.now, "device": name})

    def too_early(self, name):
        """Before the newest input: refused."""
        vitals = {it: self.one_value(it) for it in self.gives[name]}
        if vitals and self.now > self.begun:
            earlier = self.now - 1
            self.feed({"t": self.now, "frame": name})
            self.feed({"t": earlier, "observe": {"source": name, "vitals": vitals}})

    def stall(self, _):
        """Nobody called from the next deadline on, for more than 2 s."""
        deadline = self.reference.bed.next_at
        if deadline is None or deadline > self.now + 60_000:
            return
        begin = max(deadline, self.now)
        self.now = begin + self.random.choice((2_001, 5_000, 60_000))
        self.feed({"t": self.now, "stall": begin})

    def act(self, _):
        random = self.random
        self.actions += 1
        action = {"id": f"a{self.actions}", "do": "acknowledge", "by": "nurse", "seen_ms": self.now}
        if self.actions > 1 and self.chance(0.05):
            action["id"] = f"a{random.randint(max(1, self.actions - 70), self.actions)}"
        if self.chance(0.1):
            action["seen_ms"] = max(0, self.now - random.choice((60_000, 60_001)))
        if self.open and self.chance(0.95):
            alarm, newest = random.choice(list(self.open.items()))
            action["alarm"], seen = list(alarm), newest["priority"]
        else:
            action["alarm"], seen = ["spo2_low"], "high"
        action["seen"] = "low" if self.chance(0.1) else seen
        if self.chance(0.4):
            action["do"] = "reset"
            if self.chance(0.4):
                del action["alarm"]
        if action["do"] == "reset" and any(it.is_flagged() for it in self.reference.bed.apneas):
            return  # `covered.NOT_COMPARED`
        if action["do"] == "reset" or (self.open and action["alarm"] in [list(it) for it in self.open]):
            self.poll(None)
        self.feed({"t": self.now, "act": action})

    def pause(self, _):
        random = self.random
        what = random.choice(("audio_paused", "audio_paused", "audio_off", "alarm_paused", "alarm_off", "alarm_off"))
        action = self.new_action(what)
        longest = LONGEST[what]
        action["for_ms"] = random.choice((0, 1, 5_000, 30_000, 60_000, 120_000, longest, longest + 1))
        if what in ("audio_off", "alarm_off"):
            action["reason"] = "a procedure"
        if what == "alarm_off":
            codes = [f"{it['vital']}_{it['direction']}" for it in self.setup["rules"]]
            action["rule"] = random.choice([*codes, "apnea", "spo2_high"])
            action["include_extreme"] = self.chance(0.4)
            action["role"] = random.choice(("nurse", "physician", "physician"))
        self.feed({"t": self.now, "act": action})

    def change_stay(self, _):
        random = self.random
        what = random.choice(("standby", "standby", "resume", "resume", "resume", "discharge", "admit", "admit"))
        action = self.new_action(what)
        if what == "admit":
            action["to"] = random.choice(("stay-1", "stay-2"))
        elif what != "resume":
            action["reason"] = "surgery"
        self.feed({"t": self.now, "act": action})

    def new_action(self, what):
        self.actions += 1
        action = {"id": f"a{self.actions}", "do": what, "by": "nurse", "seen_ms": self.now}
        if self.chance(0.05):
            action["seen_boot"] = "other"
        if self.chance(0.2):
            action["stay"] = self.random.choice(("stay-1", "stay-2"))
        return action

    def restart(self, _):
        random = self.random
        stopped = self.now
        boots = [it for it in ("same", "other") if self.has(f"restart, {it} boot")]
        boot = random.choice(boots)
        setup = self.setup | self.run_setup()
        # No process begins in the millisecond in which the one before it was stopped.
        down = random.choice((1, 1, 2_000, 5_000, 10_000, 60_000, 300_000))
        if self.has("restart with other rules") and self.chance(0.3):
            setup["rules"] = self.other_rules(setup["rules"])
            if self.chance(0.3):
                setup |= self.other_sources()
        self.now = stopped + down
        if boot == "other":
            self.lasted, self.since = self.lasted + self.now - self.since, 0
            self.begun -= self.now
            self.due = {name: at - self.now for name, at in self.due.items()}
            self.now = random.choice((0, 20_000))
            self.begun += self.now
            self.due = {name: at + self.now for name, at in self.due.items()}
            self.moods, self.repeated = {}, {}
        line = {"t": self.now, "restart": {"boot": boot, "stopped": stopped, "setup": setup}}
        self.setup = setup
        self.feed(line)

    def reload(self, _):
        """Rules gone, back again, or with other numbers."""
        random = self.random
        rules, apnea = self.other_rules(self.setup["rules"]), list(self.setup["apnea"])
        if self.chance(0.4):
            fresh = [it for it in self.make_rules() if (it["vital"], it["direction"]) not in
                     [(old["vital"], old["direction"]) for old in rules]]
            rules += random.sample(fresh, min(len(fresh), 1))
        if rules and self.chance(0.3):
            index = random.randrange(len(rules))
            rule = dict(rules[index])
            rules[index] = rule
            rule["hysteresis"] = 0 if rule["vital"] in CUFF else random.choice((0, 1, 1_000))
            rule["worse_by"] = random.choice((None, 1, 3_000))
            if rule.get("extreme") and self.chance(0.5):
                del rule["extreme"]
        if self.chance(0.3):
            apnea = self.make_apnea()
        self.setup = self.setup | {"rules": rules, "apnea": apnea}
        self.feed({"t": self.now, "reload": self.setup})

    def other_rules(self, rules):
        """One rule gone, or one limit moved."""
        rules = list(rules)
        if not rules:
            return rules
        index = self.random.randrange(len(rules))
        if self.chance(0.5):
            del rules[index]
            return rules
        rule = dict(rules[index])
        by = self.random.choice((-1_000, 1, 1_000))
        for level in ("limit", "extreme"):
            if level in rule:
                rule[level] = rule[level] | {"at": rule[level]["at"] + by}
        rules[index] = rule
        return rules

    def other_sources(self):
        """Some of the sources that there were at first; the others go on speaking, and nobody announced them."""
        first = self.lines[0]["setup"]
        sources = [it for it in first["sources"] if self.chance(0.7)] or first["sources"][:1]
        names = {it["name"] for it in sources}
        prefer = {vital: [it for it in order if it in names] for vital, order in first["prefer"].items()}
        return {"sources": sources, "prefer": prefer}

    def length(self):
        """For how long it went on, ms."""
        return self.lasted + self.lines[-1]["t"] - self.since

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
