"""The lines of a bed-hour: inputs as JSON objects in, records and replies out."""

from actions import act
from bed import Bed
from reload import reload
from restart import restart
from rules import Rules


class Lines:
    """Feeds lines to a bed and gathers what it says."""

    def __init__(self):
        self.bed = None
        self.last_id = {}  # code, source and cause to the id of the newest such alarm

    def feed(self, line):
        """The objects that one line brings."""
        t = line.get("t")
        if "setup" in line:
            setup = line["setup"]
            self.bed = Bed(Rules.read(setup), setup["run"], t)
            return []
        if "observe" in line:
            it = line["observe"]
            vitals = {name: measurement(said) for name, said in it["vitals"].items()}
            records = self.bed.observe(t, it["source"], vitals, it.get("device_time"))
            return [{"t": t, "refused": "observation"}] if records is None else self.note(records)
        if "frame" in line:
            return self.note(self.bed.frame(t, line["frame"]))
        if "late" in line:
            return self.note(self.bed.late(t, line["late"]))
        if "port_gone" in line:
            it = line["port_gone"]
            source, cause = (it["source"], it.get("cause")) if isinstance(it, dict) else (it, None)
            return self.note(self.bed.port_gone(t, source, cause))
        if "device" in line:
            return self.note(self.bed.device(t, line["device"]))
        if "flag" in line:
            it = line["flag"]
            return self.note(self.bed.flag(t, it["source"], it["flag"], it["on"]))
        if "poll" in line:
            return self.note(self.bed.poll(t))
        if "stall" in line:
            return self.note(self.bed.stall(line["stall"], t))
        if "act" in line:
            return self.act(t, line["act"])
        if "reload" in line:
            return self.note(reload(self.bed, t, line["reload"]))
        if "restart" in line:
            how = line["restart"]
            told = self.note(self.bed.poll(how["stopped"]))
            self.bed, records = restart(self.bed, t, how)
            return told + self.note(records)
        raise ValueError(f"not understood: {line}")

    def act(self, t, action):
        if action.get("alarm") is not None:
            # Named as a person would: the newest alarm of that code, or one that never was.
            action = action | {"alarm": self.last_id.get(tuple(action["alarm"]), "r0/0")}
        records, reply = act(self.bed, t, action)
        return [*self.note(records), {"t": t, "reply_to": action["id"], **reply}]

    def note(self, records):
        for it in records:
            self.last_id[name_of(it)] = it["id"]
        return records


def name_of(record):
    """How an action names an alarm: its code, and for a technical one the source and the sensor."""
    if record["code"] in ("apnea", "sources_disagree", "source_switched"):
        return (record["code"], record["vital"])
    if record["kind"] != "technical" or "source" not in record:
        return (record["code"],)
    if record["code"] in ("sensor_off", "implausible", "no_value"):
        return (record["code"], record["source"], record["cause"])
    return (record["code"], record["source"])


def measurement(said):
    """`88000`, `"searching"` or `{"value": 88000, "quality": ["artifact"]}`."""
    if isinstance(said, dict):
        return said["value"], said.get("quality", [])
    return said, []
