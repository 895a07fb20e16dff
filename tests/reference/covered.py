"""The list of what is compared: each feature of the generator, and the clauses that it exercises."""

# Feature: its clauses. The list is printed with every comparison; a rule that is not here is not compared.
COVERED = {
    "limits": "E1 to E5, E7, E8, E12 to E22, E23a",
    "ranges": "E9",
    "quality": "E10",
    "implausible values": "E11",
    "late data": "E12a",
    "stalls": "E6",
    "acknowledge and reset": "E23, E24, E27",
    "absences": "E30: sensor_off, implausible, no_value, what is no longer named",
    "silence": "E30: no_data, port_gone",
    "several sources": "each vital from one of them",
    "fallbacks": "E33: fallback_for",
    "refused observations": "E5",
    "apnea": "E32",
    "cuffs": "E31; E30: same_limb",
    "one vital from several sources": "E33: prefer, source_switched, sources_disagree",
    "flags": "E30: bad_data_rate, device_battery, clock_skew, cuff_inflating; E32: the device's own word",
    "another device": "E30: device_changed",
    "several troubles": "E30, H7: a sensor that is in one trouble and then in another",
    "standby and stays": "E24, E28",
    "pauses and offs": "E24, E25, E26, E27",
    "repetition": "E30: suspect",
    "restart, same boot": "E34, E35",
    "restart, other boot": "E34, E35",
    "reload": "E29 within a run",
    "restart with other rules": "E29, E35: rules and sources that are gone, come or changed",
}

NOT_COMPARED = (
    "changed limits (E29), NEWS2, E36, `observe`; a reset of an apnea that a device says; texts, modes, `low` and `high`"
)
