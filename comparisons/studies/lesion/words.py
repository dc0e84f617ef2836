"""The verdicts of a study in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ....core.caveats import Caveat
from ...measuring.readings import COUNTED, TIMED
from ...measuring.readings import MEANING as QUANTITIES
from ...measuring.wording import caveat_sentences, enumerate_words
from .effects import CLEAR, Effect, Verdict
from .study import LesionStudy

SYMBOLS: Mapping[Verdict, str] = MappingProxyType(
    {
        "independent": "✓",
        "none": "∅",
        "undecided": "?",
        "unclear": "~",
        "indistinguishable": "≠",
        "alone": "·",
        "undefined": "–",
    }
)
"""One sign for every verdict, so that colour is never alone."""
SHORT: Mapping[Verdict, str] = MappingProxyType(
    {
        "independent": "holds",
        "none": "no effect",
        "undecided": "undecided",
        "unclear": "unclear",
        "indistinguishable": "cannot tell",
        "alone": "one only",
        "undefined": "undefined",
    }
)
MEANING: Mapping[str, str] = MappingProxyType(
    {
        "holds": f"ratio {CLEAR:g} or more, everywhere of one sign, 0 in no interval",
        "unclear": f"ratio between 1 and {CLEAR:g}, or seeds that do not suffice",
        "cannot tell": "ratio 1 or less, or another sign on another simulator",
        "no effect": "the same in both arms",
        "not shown": "values differ, but every interval has 0 in it",
        "undecided": "it would hold, or be no effect, but not all was seen or can be counted",
        "one only": "one simulator only, so nothing is known of another; the reference and the oracle are "
        "none",
        "undefined": "no value in some arm",
    }
)
"""What the words for verdicts mean."""
AMBIGUOUS = " *"
"""The mark of a read-out whose spikes are more or fewer at another threshold."""
_HIDDEN = "not shown"
_MOST_TIMES = 1e4
_FEW = 4


def times(ratio: float) -> str:
    """A ratio in a sentence: 31 times."""
    if ratio >= _MOST_TIMES:
        return f"more than {_MOST_TIMES:,.0f} times"
    return f"{below(ratio)} times"


def below(ratio: float) -> str:
    """A ratio in two digits at most, cut off and not rounded: 2.99 is not 3."""
    if ratio >= 10.0:
        return f"{math.floor(ratio):,}"
    if ratio == 0.0:
        return "0"
    power = 10.0 ** (1 - math.floor(math.log10(ratio)))
    return f"{math.floor(ratio * power * (1 + 1e-12)) / power:g}"


def short(effect: Effect) -> str:
    """A verdict in a table; one that few seeds hide is not that there is no effect."""
    return f"{SYMBOLS[effect.verdict]} {_word(effect)}"


def _word(effect: Effect) -> str:
    return _HIDDEN if effect.hidden else SHORT[effect.verdict]


def legend(effects: Sequence[Effect]) -> list[tuple[str, str]]:
    """What the columns, verdicts and read-outs of a table of effects mean, as far as they occur."""
    quantities = {e.measure.quantity for e in effects}
    rows = [("effect", "lesioned − healthy with the same seed, smallest of all simulators")]
    if any(not math.isnan(e.ratio) for e in effects):
        rows.append(("disagree", "the most that two simulators differ by, healthy or lesioned"))
        least = ["one spike (a rate)"] if quantities.intersection(COUNTED) else []
        least += ["one step (a time)"] if quantities.intersection(TIMED) else []
        over = f", and over {' or '.join(least)} where that is more" if least else ""
        rows.append(("ratio", f"effect over disagree{over}; ∞ where simulators agree"))
    if any(e.ambiguous for e in effects):
        rows.append((AMBIGUOUS.strip(), "there are more or fewer spikes at another threshold"))
    words = {_word(e): short(e) for e in effects}
    rows += [(words[word], said) for word, said in MEANING.items() if word in words]
    return rows + [(q, said) for q, said in QUANTITIES.items() if q in quantities]


def in_words(effect: Effect) -> str:
    """What a verdict says, with its numbers."""
    said = _said(effect)
    if effect.same_effect:
        said += (
            f"; yet the simulators' effects are at most {number(effect.apart, 2)} "
            f"{effect.measure.unit}".rstrip()
            + " apart: they differ in level"
        )
    if effect.remark and effect.verdict != "undefined":
        said += f" ({effect.remark})"
    # A verdict that is given all the same: what was not seen stands beside it.
    beside = effect.caveats if effect.verdict not in ("undecided", "undefined") else ()
    return "; ".join([said, *(str(c) for c in beside if c.kind != "ambiguous")])


def marked(effect: Effect) -> str:
    """A read-out in a table, with a mark where the number of spikes depends on the threshold."""
    return effect.measure.with_unit + (AMBIGUOUS if effect.ambiguous else "")


def _said(effect: Effect) -> str:
    e = effect
    several = e.n_simulators > 1
    if e.verdict == "undefined":
        return e.remark
    if e.verdict == "undecided":
        return f"undecided, for {'; '.join(map(str, e.caveats))}"
    if e.verdict == "none":
        if all(s.effect == 0.0 for s in e.simulators):
            return "no effect: the same in both arms" + (" on every simulator" if several else "")
        if not any(s.has_interval for s in e.simulators):
            return "no effect: the same in both arms to round-off"
        on = "on every simulator" if several else "on the one simulator"
        if not e.hidden:
            return f"no effect: the same in both arms to round-off {on}"
        return (
            f"no effect that {e.n_seeds} seeds show, for its 95 % interval contains 0 {on}; "
            "more seeds may show one"
        )
    if e.verdict == "alone":
        return f"{alone(e)}, so nothing is known of a change of simulator"
    if e.agree:
        how = "exactly" if e.disagreement == 0.0 else "to round-off"
        return f"the simulators agree {how}: the effect {_depends(e)}"
    if e.verdict == "indistinguishable":
        signs = [s.effect for s in e.simulators]
        if min(signs) < 0.0 < max(signs):
            return (
                "the effect has another sign on another simulator: "
                "it cannot be told from a change of simulator"
            )
        if min(signs) == 0.0 or max(signs) == 0.0:
            without = [s.simulator for s in e.simulators if s.effect == 0.0]
            return (
                f"there is no effect on {enumerate_words(without)}: "
                "it cannot be told from a change of simulator"
            )
    if e.grain > e.disagreement:
        what = "one spike more or less"
        if e.measure.quantity not in COUNTED:
            what = "a step of time"
        return (
            f"the effect is {times(e.ratio)} {what} ({number(e.grain, 2)} "
            f"{e.measure.unit}), more than the simulators' disagreement: it {_depends(e)}"
        )
    return f"the effect is {times(e.ratio)} the simulators' disagreement: it {_depends(e)}"


def alone(e: Effect) -> str:
    """That there is one simulator only, or none; and that what judges is no second one."""
    judges = enumerate_words([f"the {s.simulator}" for s in e.simulators if s.judge])
    if e.n_simulators == 0:
        return f"no simulator, for {judges} {'is' if 'and' not in judges else 'are'} none"
    return "one simulator only" + (f" ({judges} is none)" if judges else "")


def _depends(e: Effect) -> str:
    if e.verdict == "independent":
        return "does not depend on the simulator"
    if e.verdict == "indistinguishable":
        return "cannot be told from a change of simulator"
    zero = [s.simulator for s in e.simulators if s.contains_zero]
    if zero:
        return f"is unclear, for its 95 % interval contains 0 on {enumerate_words(zero)}"
    if e.ratio < CLEAR:
        return f"is unclear, being above 1 but below {CLEAR:g}"
    if e.few:
        return f"is unclear, for {'one seed is' if e.n_seeds == 1 else f'{e.n_seeds} seeds are'} too few"
    return "is unclear, as it is not defined in every seed"


def number(value: float, digits: int = 4) -> str:
    """A number in few characters; – where there is none."""
    if math.isnan(value):
        return "–"
    if value != 0.0 and not 1e-3 <= abs(value) < 1e5:
        text = f"{value:.1e}"
    else:
        text = f"{value:.{digits}g}"
    return text.replace("-", "−")


def signed(value: float, digits: int = 3) -> str:
    """A difference, with its sign."""
    text = number(value, digits)
    return f"+{text}" if value > 0.0 else text


def percent(value: float) -> str:
    """A relative effect; – where there is none."""
    if math.isnan(value):
        return "–"
    if value == 0.0:
        return "0 %"
    text = f"{100 * value:+.0f}" if abs(value) >= 0.1 else f"{100 * value:+.2g}"
    return f"{text.replace('-', '−')} %"


def sentences(study: LesionStudy) -> list[str]:
    """What holds of every lesion in every mode, and what a reader should know."""
    return [
        *(
            study.sentence(mode, name, f"{name}, {mode}")
            for mode in study.modes
            for name in study.lesions
        ),
        *study.notes,
    ]


def overall(name: str, effects: Sequence[Effect], caveats: Sequence[Caveat] = ()) -> str:
    """A lesion in one sentence: what of it holds on every simulator, and what does not; *caveats* follow."""
    ambiguous = dict.fromkeys(c for e in effects for c in e.caveats if c.kind == "ambiguous")
    return " ".join([_holds(name, effects), *caveat_sentences((*caveats, *ambiguous))])


def _holds(name: str, effects: Sequence[Effect]) -> str:
    silent = _silent(effects)
    effects = [e for e in effects if not e.silent]
    by = {v: [e for e in effects if e.verdict == v] for v in SYMBOLS}
    if silent and len(by["undefined"]) == len(effects):
        return f"{name}: nothing can be said, for {silent}."
    if len(by["undefined"]) == len(effects):
        be = "is" if len(effects) == 1 else "are"
        why = f"{_listed(effects)} {be} not defined in both arms"
        if not any(e.simulators for e in effects):
            why = "no simulator ran both arms to their end"
        return f"{name}: nothing can be said, for {why}."
    holds, hidden = by["independent"], [e for e in effects if e.hidden]
    said = []
    if holds:
        said.append(
            f"{_of(len(holds), len(effects))} by an effect that does not depend on the simulator"
        )
        clearest = max(holds, key=lambda e: abs(e.relative) if not math.isnan(e.relative) else 0.0)
        said[-1] += f" (the largest: {_instance(clearest)})"
    elif by["alone"]:
        said.append(
            f"{_of(len(by['alone']), len(effects))}, on {alone(by['alone'][0])}, "
            "so nothing is known of a change of simulator"
        )
    elif by["undecided"]:
        said.append("undecided, for not all was seen")
    else:
        doubtful = by["unclear"] or by["indistinguishable"]
        more = " by an effect that does not depend on the simulator" if doubtful else ""
        if not more and hidden:
            more = " by more than it varies from seed to seed"
        first = next((e for e in effects if e.simulators), None)
        if first is not None and first.n_simulators < 2:
            more += f", on {alone(first)}, so nothing is known of a change of simulator"
        said.append(f"no read-out changes{more}")
    rest: tuple[tuple[Verdict, str], ...] = (
        ("indistinguishable", "cannot be told from a change of simulator"),
        ("undecided", "{be} undecided"),
        ("unclear", "{be} unclear"),
        ("undefined", "{be} not defined"),
    )
    for verdict, words in rest:
        found = by[verdict]
        if found:
            be = "is" if len(found) == 1 else "are"
            said.append(f"{_listed(found)} {words.format(be=be)}")
    if hidden:
        differ = "differs" if len(hidden) == 1 else "differ"
        seeds = max(e.n_seeds for e in hidden)
        said.append(f"{_listed(hidden)} {differ}, but {seeds} seeds do not show an effect")
    if silent:
        said.append(silent)
    return f"{name}: {'; '.join(said)}."


def _silent(effects: Sequence[Effect]) -> str:
    """Of which populations no cell spikes in any arm; nothing where all have spikes."""
    names = dict.fromkeys(e.measure.population for e in effects if e.silent)
    if names and names.keys() == {e.measure.population for e in effects}:
        return "no cell spikes in the window"
    return f"no cell of {enumerate_words([*names])} spikes in the window" if names else ""


def _of(n: int, total: int) -> str:
    if n == total:
        return "the read-out changes" if n == 1 else f"all {n} read-outs change"
    return f"{n} of {total} read-outs {'changes' if n == 1 else 'change'}"


def _listed(effects: Sequence[Effect]) -> str:
    labels = [e.measure.label for e in effects]
    if len(labels) > _FEW:
        return f"{len(labels)} read-outs"
    return enumerate_words(labels)


def _instance(e: Effect) -> str:
    unit = f" {e.measure.unit}" if e.measure.unit else ""
    text = f"{e.measure.label}, {number(e.healthy)} to {number(e.lesioned)}{unit}"
    if not math.isnan(e.relative):
        text += f", {percent(e.relative)}"
    if not e.agree and e.grain <= e.disagreement:
        text += f", {times(e.ratio)} the disagreement"
    return text
