"""Write the part of docs/metrics.md that is made of the declaration of the metrics: ``python -m runner.documentation``."""

from runner.documentation.metrics_page import PAGE, with_table

PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
