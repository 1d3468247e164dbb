"""Answers to held-out rows compared with the rows' own: the metrics of each task, with intervals."""
