"""Which source is believed for a vital, and when a fallback speaks (E33)."""

from level import moved

FALLBACK_AFTER = 10_000


class Choice:
    """The believed source of one vital, and for how long the vital has been void."""

    def __init__(self, vital, prefer, now):
        self.vital = vital
        self.prefer = prefer  # names of sources, or None: in the order in which they first speak
        self.slots = []
        self.believed = None
        self.is_lost = False  # the believed one is no more, and nobody has spoken since
        self.open_at = now + FALLBACK_AFTER  # void from the start
        self.open = False  # void for 10 s: its fallback may alarm

    def join(self, slot, now):
        """A source speaks of the vital for the first time. What ran while another was alone had nobody to wait for it."""
        for it in self.slots:
            it.run(now)
        self.slots.append(slot)
        if self.prefer is not None:
            rank = {name: index for index, name in enumerate(self.prefer)}
            self.slots.sort(key=lambda it: rank.get(it.source.name, len(rank)))

    def choose(self, speaks):
        """Whether another source is believed now, after a word or an ageing of the one that `speaks`, if one does."""
        before = self.believed
        if self.believed is None and self.is_lost and not any(it.is_valid() for it in self.slots):
            self.believed = speaks
            if speaks is not None:
                speaks.gone_at, speaks.gone = None, True
        elif len(self.slots) == 1:
            self.believed = self.slots[0]
        else:
            self.believed = self.best()
        self.is_lost = self.is_lost and self.believed is None
        return self.believed is not before

    def lose(self):
        """E35: the believed source is no more; the first that is valid is believed, or else the first that speaks."""
        valid = [it for it in self.slots if it.is_valid()]
        self.believed, self.is_lost = (valid[0], False) if valid else (None, True)

    def best(self):
        believed = self.believed
        valid = [it for it in self.slots if it.is_valid()]
        if believed is None:
            return valid[0] if valid else self.slots[0]
        if not believed.is_valid() and believed.last_valid_at is None and valid:
            return valid[0]  # it never had a valid value: it was never believed
        if not believed.is_valid() and believed.gone and valid:
            return valid[0]  # left after G without a valid value, as soon as another is valid
        for slot in self.slots:
            if slot is believed:
                return believed
            if slot.steady:
                return slot  # believed again after 30 s of validity
        return believed

    def note(self, now):
        """After a word, a switch or an ageing: since when the vital has been void. Whether its fallbacks shut."""
        slot = self.believed
        if slot is not None and slot.is_valid():
            was_open = self.open
            self.open, self.open_at = False, None
            return was_open
        if not self.open and self.open_at is None:
            self.open_at = now + FALLBACK_AFTER
        return False

    def run(self, now):
        """Whether the fallback opened by time."""
        if self.open_at is not None and self.open_at <= now:
            self.open_at, self.open = None, True
            return True
        return False

    def shift(self, by):
        self.open_at = moved(self.open_at, by)
