"""The few numbers of a hamgrd's metrics that fit on a page, from the text that it answers Prometheus."""

from collections.abc import Callable

from attrs import define, frozen
from prometheus_client.parser import text_string_to_metric_families

from runner.metrics import declaration
from runner.metrics.declaration import Metric

Samples = dict[str, list[tuple[dict[str, str], float]]]


@frozen
class Number:
    """One line: what it is called, how it is worked out, and whether more than zero means trouble."""

    name: str
    of: Callable[["Answer"], float | None]
    bad: bool = False
    seconds: bool = False


@define
class Answer:
    """The samples of one answer, by name."""

    samples: Samples

    @classmethod
    def parse(cls, text: str) -> "Answer":
        """Read the text format. Raises ValueError."""
        samples: Samples = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
        return cls(samples)

    def total(self, metric: Metric, suffix: str = "", **labels: str) -> float | None:
        """The sum over all series with these labels; None when there is no such series."""
        values = [
            value for having, value in self.samples.get(metric.name + suffix, []) if labels.items() <= having.items()
        ]
        return sum(values) if values else None

    def mean(self, metric: Metric) -> float | None:
        """The mean of a histogram; None while nothing was observed."""
        count, total = self.total(metric, "_count"), self.total(metric, "_sum")
        return total / count if count and total is not None else None


NUMBERS = (
    Number("failovers", lambda a: a.total(declaration.FAILOVER, "_count")),
    Number("mean failover", lambda a: a.mean(declaration.FAILOVER), seconds=True),
    Number("mean time to take a role", lambda a: a.mean(declaration.ROLE_ACKNOWLEDGEMENT), seconds=True),
    Number("transitions", lambda a: a.total(declaration.TRANSITIONS)),
    Number("inputs", lambda a: a.total(declaration.INPUTS)),
    Number("rejected inputs", lambda a: a.total(declaration.REJECTED), bad=True),
    Number("messages sent", lambda a: a.total(declaration.MESSAGES, direction="out", fate="sent")),
    Number("messages sent again", lambda a: a.total(declaration.MESSAGES, direction="out", fate="resent")),
    Number("messages owed", lambda a: a.total(declaration.MESSAGES_OWED)),
    Number("links of the bus", lambda a: a.total(declaration.LINKS)),
    Number("orchagent connected", lambda a: a.total(declaration.ORCHAGENT_CONNECTED)),
    Number("databases that answer", lambda a: a.total(declaration.DATABASE_AVAILABLE)),
    Number("rows dropped", lambda a: a.total(declaration.ROWS_DROPPED), bad=True),
    Number("mean step", lambda a: a.mean(declaration.STEP_DURATION), seconds=True),
    Number("bugs", lambda a: a.total(declaration.BUGS), bad=True),
)


def numbers(text: str) -> list[dict[str, object]]:
    """The numbers that there are, in their order. Raises ValueError when the text is no answer of Prometheus's."""
    answer = Answer.parse(text)
    found = [(number, number.of(answer)) for number in NUMBERS]
    return [
        {"name": number.name, "value": value, "bad": number.bad and value > 0, "seconds": number.seconds}
        for number, value in found
        if value is not None
    ]
