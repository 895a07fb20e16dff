"""What the generator draws by chance: rules, values around them, times around deadlines."""

from words import VITALS


def rule_around(random, vital, direction, cuff, fallback_for):
    """A rule of chance within what is plausible."""
    lowest, highest = VITALS[vital]
    span = highest - lowest
    hysteresis = 0 if cuff else random.choice((0, 1, 500, 1_000, 2_000))
    at = lowest + span * random.randint(30, 45) // 100 if direction == "low" else lowest + span * random.randint(55, 70) // 100
    sign = -1 if direction == "low" else 1
    level = {
        "at": at,
        "delay": 0 if cuff else random.choice((0, 1, 1_000, 3_000, 5_000, 10_000, 15_000, 60_000)),
        "priority": random.choice(("low", "medium", "medium")),
        "latch": random.random() < 0.3,
    }
    rule = {
        "vital": vital,
        "direction": direction,
        "hysteresis": hysteresis,
        "clear_delay": 0 if cuff else random.choice((0, 1_000, 5_000, 5_000, 30_000)),
        "limit": level,
    }
    if random.random() < 0.7:
        rule["extreme"] = {
            "at": at + sign * random.choice((1, 2_000, 5_000, 10_000)),
            "delay": 0 if cuff else random.choice((0, 2_000, 3_000, 5_000, 15_000)),
            "priority": random.choice(("medium", "high", "high")) if level["priority"] != "medium" else "high",
            "latch": random.random() < 0.6,
        }
    if random.random() < 0.8:
        rule["worse_by"] = random.choice((1, 1_000, 3_000, 10_000))
    if fallback_for is not None:
        rule["fallback_for"] = fallback_for
    return rule


def marks_of(rules, vital):
    """The values at which something changes for a vital: limits, and limits with hysteresis."""
    marks = []
    for rule in rules:
        if rule["vital"] != vital:
            continue
        sign = 1 if rule["direction"] == "low" else -1
        for level in (rule["limit"], rule.get("extreme")):
            if level is not None:
                marks += [level["at"], level["at"] + sign * rule["hysteresis"]]
                marks.append(level["at"] - sign * (rule.get("worse_by") or 0))
    return marks


def value_near(random, vital, marks):
    """A value on a mark, a thousandth beside it, or anywhere."""
    lowest, highest = VITALS[vital]
    if marks and random.random() < 0.85:
        value = random.choice(marks) + random.choice((-2_000, -1_000, -1, 0, 0, 1, 1_000, 2_000))
    else:
        value = random.randint(lowest, highest) // 500 * 500
    return min(max(value, lowest), highest)
