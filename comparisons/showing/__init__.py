"""How anything that was found looks: pages, figures, tables, bars, the same in a notebook; knows no study.

A page is `page.write_page` of a title, a few `section.Statement` (verdicts in words), and `section.Section`
(HTML, figures as `drawing.Drawing`, `section.Table`, data), with its `section.Provenance`. A study does not
write one: its `result.Result` does.
"""
