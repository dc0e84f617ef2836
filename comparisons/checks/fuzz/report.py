"""The report of a `Fuzz`: a folder with one small experiment and one snippet for every finding."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ....core.storage import write_json
from .judging import summary
from .study import Finding, Fuzz, reasons

_SNIPPET = '''"""{title}

{why}
"""

import json
from pathlib import Path

import coincide as co

experiment = co.Experiment.load(Path(__file__).with_suffix(".json"))
for backend in ("reference", {backend!r}):
    recording = co.run(experiment, backend, co.Settings(mode={mode!r}, method={method!r}))
    print(backend, {{name: len(spikes) for name, spikes in recording.spikes.items()}})
    print({{key: trace.values[-1].tolist() for key, trace in recording.traces.items()}})
'''


def name_of(finding: Finding) -> str:
    """What the files of a finding are called."""
    j = finding.judged
    return "_".join(p for p in (j.kind, j.backend, j.mode, f"{finding.cases[0]:04d}") if p)


def command_of(finding: Finding) -> str:
    """The command that repeats a finding from its file."""
    j = finding.judged
    file = f"{name_of(finding)}.json"
    if not j.backend:
        return f"coincide show {file}"
    method = f" --method {finding.method}" if j.mode == "lockstep" else ""
    return f"coincide compare {file} -b {j.backend} --mode {j.mode}{method} --no-report"


def write_report(found: Fuzz, folder: Path) -> Path:
    """Write ``fuzz.json``, ``README.md`` and the files of every finding; returns the README."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "fuzz.json", found.to_dict())
    for finding in found.findings:
        stem = folder / name_of(finding)
        text = json.dumps(finding.experiment, indent=1, ensure_ascii=False)
        stem.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
        j = finding.judged
        snippet = _SNIPPET.format(
            title=f"{j.backend or 'coincide'}: {j.kind} (cases {', '.join(map(str, finding.cases[:8]))})",
            why=re.sub(r'["\\]', "'", j.why)[:1500],
            backend=j.backend or "reference",
            mode=j.mode or "lockstep",
            method=finding.method if j.mode != "raw" else None,
        )
        stem.with_suffix(".py").write_text(snippet, encoding="utf-8")
    page = folder / "README.md"
    page.write_text("\n".join(lines_of(found)) + "\n", encoding="utf-8")
    return page


def lines_of(found: Fuzz) -> list[str]:
    """The report as lines of Markdown."""
    backends = " ".join(found.backends)
    lines = [
        f"# {len(found.results)} random experiments, seed {found.seed}",
        "",
        f"`coincide fuzz --seed {found.seed} --cases {found.asked}"
        f" --mode {' '.join(found.modes)} -b {backends}`",
        "",
        *found.notes,
        "",
        "| backend, mode | " + " | ".join(_kinds(found)) + " |",
        "|---" * (len(_kinds(found)) + 1) + "|",
    ]
    for row, counts in summary(found.judged).items():
        numbers = " | ".join(str(counts.get(k, 0)) for k in _kinds(found))
        lines.append(f"| {row or 'description'} | {numbers} |")
    unsupported = reasons(found.judged, "unsupported")
    if unsupported:
        lines += ["", "## Unsupported, by reason", ""]
        lines += [f"- {count} × {reason}" for reason, count in unsupported.items()]
    lines += ["", "## Findings", ""]
    if not found.findings:
        lines.append("None.")
    for finding in found.findings:
        j = finding.judged
        numbers = ", ".join(map(str, finding.cases[:20]))
        lines += [
            f"### {name_of(finding)}",
            "",
            f"{len(finding.cases)} cases: {numbers}",
            "",
            f"    {j.why.splitlines()[0][:300] if j.why else ''}",
            "",
            f"`{command_of(finding)}`",
            "",
        ]
    return lines


def _kinds(found: Fuzz) -> list[str]:
    return list(dict.fromkeys(j.kind for j in found.judged))
