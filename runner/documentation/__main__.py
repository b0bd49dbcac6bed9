"""``python -m runner.documentation`` writes into docs/metrics.md the table made of the declaration of the metrics."""

from runner.documentation.metrics_page import PAGE, with_table

PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
