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
}

# Where text and engine are known to differ, or the text can be read in two ways: a bed-hour ends before it gets there.
OPEN = (
    "E30: an alarm that clears while its sensor is in another trouble",
    "E30: a port that goes while a vital is missed",
    "the table of actions: a latched alarm that is reset while a level is pending",
    "E4: a reminder that is due with another record of its alarm",
    "E20: `worst` of an alarm that began without a value",
)

NOT_COMPARED = (
    "E25, E26, E28, E29, E31, E32, E34, E35, NEWS2; E30: suspect, flags, device_changed, same_limb; E33: one vital from "
    "several sources; texts, modes, `low` and `high`"
)
