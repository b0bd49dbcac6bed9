"""The declaration of the metrics follows Prometheus's rules, and the document is written from it."""

import re

import pytest

from runner.documentation.metrics_page import PAGE, with_table
from runner.metrics.declaration import METRICS, MOST_ENTITIES, Kind, Metric

DOCUMENT = PAGE.read_text(encoding="utf-8")


def test_table_in_the_document_is_the_one_of_today() -> None:
    assert with_table(DOCUMENT) == DOCUMENT, "run make metrics-table"


def test_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="generated"):
        with_table("# Metrics")


def test_expressions_in_the_document_use_metrics_that_there_are() -> None:
    named = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bhamgr_\w+", DOCUMENT)}
    assert named == {metric.name for metric in METRICS}


def test_document_names_the_limit() -> None:
    assert f"The first {MOST_ENTITIES} entities" in DOCUMENT


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_and_units_are_those_of_prometheus(metric: Metric) -> None:
    assert re.fullmatch(r"hamgr(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert metric.kind is not Kind.HISTOGRAM or metric.name.endswith("_seconds")
    assert list(metric.buckets) == sorted(metric.buckets)
    assert metric.meaning.endswith(".")
