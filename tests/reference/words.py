"""The closed sets of words: vitals and what is plausible, sensors, reasons for absence, qualities, priorities."""

# The table of vitals, in its order: the lowest and the highest plausible value, in thousandths (E11).
VITALS = {
    "heart_rate": (0, 350_000),
    "pulse_rate": (0, 350_000),
    "spo2": (2_000, 100_000),
    "perfusion_index": (0, 100_000),
    "resp_rate": (0, 200_000),
    "resp_rate_impedance": (0, 200_000),
    "resp_rate_co2": (0, 200_000),
    "nibp_systolic": (20_000, 300_000),
    "nibp_diastolic": (5_000, 250_000),
    "nibp_mean": (10_000, 270_000),
    "abp_systolic": (-50_000, 350_000),
    "abp_diastolic": (-50_000, 350_000),
    "abp_mean": (-50_000, 350_000),
    "cvp_mean": (-50_000, 100_000),
    "temperature": (10_000, 46_000),
    "temperature_core": (10_000, 46_000),
    "temperature_skin": (0, 46_000),
    "etco2": (0, 200_000),
    "fico2": (0, 100_000),
    "fio2": (15_000, 100_000),
    "airway_pressure_peak": (-20_000, 150_000),
    "airway_pressure_mean": (-20_000, 150_000),
    "airway_pressure_plateau": (-20_000, 150_000),
    "peep": (-10_000, 60_000),
    "tidal_volume": (0, 4_000_000),
    "minute_volume": (0, 100_000),
    "st_1": (-30_000, 30_000),
    "st_2": (-30_000, 30_000),
    "st_3": (-30_000, 30_000),
}
TABLE_ORDER = {vital: index for index, vital in enumerate(VITALS)}

# E30: which vitals one sensor gives, in the order of the table.
SENSORS = {
    "ecg": ("heart_rate", "resp_rate_impedance", "st_1", "st_2", "st_3"),
    "oximeter": ("pulse_rate", "spo2", "perfusion_index"),
    "respiration": ("resp_rate",),
    "capnometer": ("resp_rate_co2", "etco2", "fico2"),
    "cuff": ("nibp_systolic", "nibp_diastolic", "nibp_mean"),
    "arterial_line": ("abp_systolic", "abp_diastolic", "abp_mean"),
    "venous_line": ("cvp_mean",),
    "temperature": ("temperature",),
    "temperature_core": ("temperature_core",),
    "temperature_skin": ("temperature_skin",),
    "oxygen_analyser": ("fio2",),
    "ventilator": (
        "airway_pressure_peak",
        "airway_pressure_mean",
        "airway_pressure_plateau",
        "peep",
        "tidal_volume",
        "minute_volume",
    ),
}
SENSOR_OF = {vital: sensor for sensor, vitals in SENSORS.items() for vital in vitals}
SENSOR_ORDER = {sensor: index for index, sensor in enumerate(SENSORS)}

# A vital of these that a rule watches is missed when it is not named any more (E30, H6).
MEASURED_ALL_THE_TIME = frozenset(("ecg", "oximeter", "respiration", "capnometer", "arterial_line"))

# Measured now and then, not all the time (E31).
CUFF = frozenset(SENSORS["cuff"])

# Reasons for absence; the first three speak of the sensor (E30).
SENSOR_REASONS = frozenset(("sensor_off", "sensor_fault", "lead_off"))
REASONS = (
    "sensor_off",
    "sensor_fault",
    "lead_off",
    "searching",
    "invalid",
    "under_range",
    "over_range",
    "not_calibrated",
    "not_measured",
    "stale",
    "unsupported",
)
# What a device never measured is missed by nobody (E30).
MISSED_ONLY_AFTER_A_VALUE = frozenset(("not_measured", "unsupported"))

QUALITIES = ("questionable", "artifact", "low_perfusion", "held", "calibrating", "early", "demo", "test")
# A value with one of these is none (E10).
UNUSABLE = frozenset(("held", "calibrating", "demo", "test"))

PRIORITIES = ("low", "medium", "high")
RANK = {priority: rank for rank, priority in enumerate(PRIORITIES)}
