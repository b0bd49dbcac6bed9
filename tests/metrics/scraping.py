"""Asking a daemon for its metrics, as Prometheus does, and reading the answer with Prometheus's own parser."""

import urllib.request
from collections.abc import Callable, Mapping

from prometheus_client.parser import text_string_to_metric_families

from runner.demo.hamgrd_process import HamgrdProcess
from tests.daemon.daemon import until

Key = tuple[str, frozenset[tuple[str, str]]]
Samples = Mapping[Key, float]
LISTEN_ANYWHERE = ("--metrics-listen", "127.0.0.1:0")


def parsed(text: str) -> dict[Key, float]:
    """Every sample by name and labels; no sample may be there twice."""
    found: dict[Key, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"{key} twice"
            found[key] = sample.value
    return found


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """One sample; None when it is not there. A label that is no word of Python has a _ at its end."""
    return samples.get((name, frozenset((label.rstrip("_"), text) for label, text in labels.items())))


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of all samples with these labels among others."""
    wanted = {(label.rstrip("_"), text) for label, text in labels.items()}
    return sum(number for (each, having), number in samples.items() if each == name and wanted <= having)


def scrape(hamgrd: HamgrdProcess, accept: str = "text/plain") -> str:
    """What a running daemon answers now."""
    until(lambda: bool(hamgrd.entries(message="metrics_served")), hamgrd.last_words)
    address = hamgrd.entries(message="metrics_served")[-1]["address"]
    request = urllib.request.Request(f"http://{address}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(answer.read().decode())


def until_scraped(hamgrd: HamgrdProcess, holds: Callable[[Samples], bool]) -> Samples:
    """Ask until a condition holds; gives what was answered then."""
    last: dict[Key, float] = {}

    def look() -> bool:
        last.clear()
        last.update(parsed(scrape(hamgrd)))
        return holds(last)

    until(look, lambda: sorted((name, sorted(labels), number) for (name, labels), number in last.items()))
    return last
