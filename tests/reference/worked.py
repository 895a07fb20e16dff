#!/usr/bin/env python3
"""The worked table of docs/alarms.md, row by row: what goes in, and every record that comes out."""

import sys

from lines import Lines

SPO2 = {
    "vital": "spo2", "direction": "low", "hysteresis": 1_000, "clear_delay": 5_000, "worse_by": 3_000,
    "limit": {"at": 90_000, "delay": 15_000, "priority": "medium", "latch": False},
    "extreme": {"at": 80_000, "delay": 5_000, "priority": "high", "latch": True},
}
CUFF = {
    "vital": "nibp_systolic", "direction": "low", "hysteresis": 0, "clear_delay": 0,
    "limit": {"at": 90_000, "delay": 0, "priority": "medium", "latch": False},
}
SHARED = {
    "gap_tolerance": 10_000, "continue_every": 15_000, "reminder": 180_000,
    "technical": {
        "sensor_off": {"delay": 10_000, "clear_delay": 3_000, "medium_after": 60_000},
        "no_value": {"delay": 30_000, "clear_delay": 3_000, "medium_after": 60_000},
        "no_data": {"high_after": 180_000},
    },
}

# Row: (inputs, records). `a..b`: one sample each second from a to b. A record: second, code, phase, priority, condition, signal.
ROWS = {
    "1": ("92@0..9, 88@10..40, 92@41..60", """
        25 spo2_low start medium present on
        40 spo2_low continue medium present on
        46 spo2_low end medium clear off"""),
    "2": ("92@0..9, 88@10..24, 92@25..50", """
        25 spo2_low start medium present on
        30 spo2_low end medium clear off"""),
    "2, one second less": ("92@0..9, 88@10..23, 92@24..50", ""),
    "3": ("89@0, 90@1, 89@2, 90@3, 89@4, 90@5, 89@6, 90@7, 89@8, 90@9, 89@10, 90@11, 89@12, 90@13, 89@14, 90@15, 89@16, "
          "90@17, 89@18, 90@19, 89@20, 90@21, 89@22, 90@23, 89@24, 90@25, 89@26, 90@27, 89@28, 90@29, 89@30", """
        29 spo2_low start medium present on"""),
    "3, with 91": ("".join(f"89@{t}, 91@{t + 1}, " for t in range(0, 60, 2)) + "89@60", ""),
    "4": ("78@0..7, 85@8..19, 93@20..70, reset@60", """
        5 spo2_low start high present on
        13 spo2_low de_escalate medium present on
        25 spo2_low update medium clear latched
        40 spo2_low continue medium clear latched
        55 spo2_low continue medium clear latched
        60 spo2_low reset medium clear off"""),
    "5": ("88@0..5, 78@6..15", """
        11 spo2_low start high present on"""),
    "6": ("88@0..9, sensor_off@10..15, 88@16..22", """
        21 spo2_low start medium present on"""),
    "7": ("88@0..9, sensor_off@10..21, 88@22..40", """
        20 sensor_off start low present on
        25 sensor_off end low clear off
        37 spo2_low start medium present on"""),
    "8": ("88@0..19, sensor_off@20..49, 88@50..54", """
        15 spo2_low start medium present on
        30 spo2_low update medium indeterminate on
        30 sensor_off start low present on
        45 spo2_low continue medium indeterminate on
        45 sensor_off continue low present on
        50 spo2_low update medium present on
        53 sensor_off end low clear off"""),
    "9": ("78@0, poll@31", """
        5 spo2_low start high present on
        5 no_data start medium present on
        15 spo2_low update high indeterminate on
        20 no_data continue medium present on
        30 spo2_low continue high indeterminate on"""),
    "10": ("88@0..19, ack@18, 78@20..26", """
        15 spo2_low start medium present on
        18 spo2_low update medium present acknowledged
        25 spo2_low escalate high present on"""),
    "11": ("78@0..9, ack@7, 95@10..20", """
        5 spo2_low start high present on
        7 spo2_low update high present acknowledged
        15 spo2_low end high clear off"""),
    "12": ("78@0..7, 93@8..19, 88@20..36", """
        5 spo2_low start high present on
        13 spo2_low update high clear latched
        28 spo2_low continue high clear latched
        35 spo2_low update medium present on"""),
    "13": ("88@0..16, 90@17..19, 91@20..23, 90@24, 91@25..40", """
        15 spo2_low start medium present on
        30 spo2_low end medium clear off"""),
    "14": ("95@0, 88@60, 95@120, poll@130", """
        75 spo2_low start medium present on
        90 spo2_low continue medium present on
        105 spo2_low continue medium present on
        120 spo2_low continue medium present on
        125 spo2_low end medium clear off"""),
    "17": ("85@0..299, 120@300..310", "0 nibp_systolic_low start medium present on"
           + "".join(f"\n {t} nibp_systolic_low continue medium present on" for t in range(15, 301, 15))
           + "\n 300 nibp_systolic_low end medium clear off"),
    "18": ("88@0..19, restart@22, 88@23", """
        15 spo2_low start medium present on
        22 spo2_low continue medium indeterminate on restarted
        23 spo2_low update medium present on"""),
}


def setup_of(row):
    period = 60_000 if row == "14" else 1_000
    rules = [CUFF if row == "17" else SPO2]
    return SHARED | {"run": "r1", "rules": rules, "sources": [{"name": "m", "period": period}]}


def lines_of(row, text):
    """The inputs of a row, in order of time; of one moment, in the order in which they stand."""
    setup = setup_of(row)
    vital = setup["rules"][0]["vital"]
    found = []
    for part in text.rstrip(", ").split(", "):
        what, when = part.split("@")
        first, _, last = when.partition("..")
        for second in range(int(first), int(last or first) + 1):
            found.append((second * 1_000, one_input(what, vital, second * 1_000, setup)))
    found.sort(key=lambda it: it[0])
    return [{"t": 0, "setup": setup}, *(it for _, it in found)]


def one_input(what, vital, t, setup):
    if what == "poll":
        return {"t": t, "poll": None}
    if what == "restart":
        return {"t": t, "restart": {"boot": "same", "stopped": t - 2_000, "setup": setup | {"run": "r2"}}}
    if what in ("ack", "reset"):
        action = {"id": f"{what}{t}", "do": "acknowledge" if what == "ack" else "reset", "alarm": ["spo2_low"],
                  "seen": "high", "seen_ms": t, "by": "nurse"}
        return {"t": t, "act": action}
    said = int(what) * 1_000 if what.isdigit() else what
    return {"t": t, "observe": {"source": "m", "vitals": {vital: said}}}


def short(it):
    words = [it["up_ms"] // 1_000, it["code"], it["phase"], it["priority"], it["condition"], it["signal"]]
    if it["up_ms"] % 1_000:
        words[0] = it["up_ms"] / 1_000
    return " ".join(str(word) for word in words) + (" restarted" if it.get("restarted") else "")


def main():
    wrong = 0
    for row, (inputs, expected) in ROWS.items():
        lines = Lines()
        records = [said for line in lines_of(row, inputs) for said in lines.feed(line) if "code" in said]
        told = [short(it) for it in records]
        wanted = [" ".join(it.split()) for it in expected.strip().splitlines()]
        if told != wanted:
            wrong += 1
            print(f"row {row}:\n  wanted {wanted}\n  told   {told}")
    print(f"worked table: {len(ROWS)} rows, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
