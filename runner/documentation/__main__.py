"""``python -m runner.documentation`` writes the part of docs/metrics.md that is made of the declaration of the metrics."""

from runner.documentation.metrics_page import PAGE, with_table

PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
