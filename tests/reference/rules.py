"""The setup of a bed: rules, settings of technical alarms, sources (durations in ms, amounts in thousandths)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LevelRule:
    name: str
    limit: int
    delay: int
    priority: str
    latch: bool


@dataclass(frozen=True)
class LimitRule:
    vital: str
    direction: str
    hysteresis: int
    clear_delay: int
    worse_by: int | None
    fallback_for: str | None
    levels: tuple  # `limit`, then `extreme` if there is one


@dataclass(frozen=True)
class TechnicalRule:
    priority: str
    delay: int
    clear_delay: int
    urgent: str
    urgent_after: int | None


@dataclass(frozen=True)
class SourceSettings:
    name: str
    period: int
    critical: bool
    nibp_interval: int | None
    same_limb: bool


@dataclass(frozen=True)
class ApneaRule:
    vital: str
    time: int
    fallback_for: str | None


@dataclass(frozen=True)
class Rules:
    gap_tolerance: int
    continue_every: int
    reminder: int
    limits: tuple
    sensor_off: TechnicalRule
    no_value: TechnicalRule
    no_data: TechnicalRule
    prefer: dict
    sources: tuple
    apnea: tuple
    news2: bool
    profile: str
    stay: str | None

    @classmethod
    def read(cls, setup):
        """From the object of a setup line (README.md beside this file)."""
        technical = setup["technical"]
        sensor_off, no_value = technical["sensor_off"], technical["no_value"]
        return cls(
            gap_tolerance=setup["gap_tolerance"],
            continue_every=setup["continue_every"],
            reminder=setup["reminder"],
            limits=tuple(limit_rule(it) for it in setup["rules"]),
            sensor_off=TechnicalRule(
                "low", sensor_off["delay"], sensor_off["clear_delay"], "medium", sensor_off["medium_after"]
            ),
            no_value=TechnicalRule("low", no_value["delay"], no_value["clear_delay"], "medium", no_value["medium_after"]),
            no_data=TechnicalRule("medium", 0, 0, "high", technical["no_data"]["high_after"]),
            prefer=setup.get("prefer", {}),
            sources=tuple(
                SourceSettings(
                    it["name"], it["period"], it.get("critical", False), it.get("nibp_interval"), it.get("same_limb", False)
                )
                for it in setup["sources"]
            ),
            apnea=tuple(ApneaRule(it["vital"], it["time"], it.get("fallback_for")) for it in setup.get("apnea", [])),
            news2=setup.get("news2", False),
            profile=setup.get("profile", "adult"),
            stay=setup.get("stay"),
        )


def limit_rule(it):
    levels = tuple(
        LevelRule(name, it[name]["at"], it[name]["delay"], it[name]["priority"], it[name]["latch"])
        for name in ("limit", "extreme")
        if it.get(name)
    )
    return LimitRule(
        it["vital"], it["direction"], it["hysteresis"], it["clear_delay"], it.get("worse_by"), it.get("fallback_for"), levels
    )
