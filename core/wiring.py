"""Drawing connections: pairs (pre, post) as sorted arrays, no Python per connection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .projections import (
    AllToAll,
    Explicit,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotalNumber,
    OneToOne,
    Rule,
)

Ints = NDArray[np.int32]
_CHUNK = 1 << 22
MAX_CONNECTIONS = 2e9
_MAX_PAIRS = 1e16


def draw_pairs(
    rule: Rule, n_pre: int, n_post: int, same: bool, rng: np.random.Generator, where: str
) -> tuple[Ints, Ints]:
    """The pairs of a rule, sorted by pre then post; *same* says source and target are one population.

    Raises InputError naming *where* when a rule asks for more partners than there are.
    """
    if isinstance(rule, Explicit):
        pre = np.asarray(rule.pre, dtype=np.int64)
        post = np.asarray(rule.post, dtype=np.int64)
        order = explicit_order(rule)
        return _as_pairs(pre[order], post[order])
    if isinstance(rule, OneToOne):
        same_cell = np.arange(n_pre, dtype=np.int64)
        return _as_pairs(same_cell, same_cell)
    exclude = same and not rule.self_connections
    _check_number(rule, n_pre, n_post, where)
    if isinstance(rule, AllToAll):
        every_pre = np.repeat(np.arange(n_pre, dtype=np.int32), n_post)
        every_post = np.tile(np.arange(n_post, dtype=np.int32), n_pre)
        different = every_pre != every_post if exclude else slice(None)
        return every_pre[different], every_post[different]
    if isinstance(rule, FixedProbability):
        linear = _bernoulli(n_pre * n_post, rule.p, rng)
        pre, post = np.divmod(linear, n_post)
        keep = pre != post if exclude else slice(None)
        return _as_pairs(pre[keep], post[keep])
    if isinstance(rule, FixedTotalNumber):
        return _total_number(rule, n_pre, n_post, exclude, rng, where)
    if isinstance(rule, FixedInDegree):
        partner = _fixed_degree(rule, n_pre, n_post, exclude, rng, f"{where}: source cells")
        return _by_partner(partner, n_pre)
    assert isinstance(rule, FixedOutDegree)
    partner = _fixed_degree(rule, n_post, n_pre, exclude, rng, f"{where}: target cells")
    partner.sort(axis=1)
    return np.repeat(np.arange(n_pre, dtype=np.int32), rule.n), partner.ravel().astype(np.int32)


def explicit_order(rule: Explicit) -> NDArray[np.int64]:
    """Where each of the sorted pairs stands in the given list, shape (n,); equal pairs keep their order."""
    order: NDArray[np.int64] = np.lexsort((np.asarray(rule.post), np.asarray(rule.pre)))
    return order


def expected_connections(rule: Rule, n_pre: int, n_post: int) -> float:
    """How many connections a rule makes, on average where that is random."""
    if isinstance(rule, Explicit):
        return len(rule.pre)
    if isinstance(rule, OneToOne):
        return n_pre
    return {
        "all_to_all": n_pre * n_post,
        "fixed_probability": getattr(rule, "p", 0) * n_pre * n_post,
        "fixed_in_degree": getattr(rule, "n", 0) * n_post,
        "fixed_out_degree": getattr(rule, "n", 0) * n_pre,
        "fixed_total_number": getattr(rule, "n", 0),
    }[rule.rule]


def _check_number(rule: Rule, n_pre: int, n_post: int, where: str) -> None:
    """InputError for more pairs or connections than could be numbered or kept in memory."""
    expected = expected_connections(rule, n_pre, n_post)
    if expected > MAX_CONNECTIONS:
        raise InputError(where, f"{expected:g} connections; {MAX_CONNECTIONS:g} at most")
    if n_pre * n_post > _MAX_PAIRS:
        raise InputError(where, f"{n_pre * n_post:g} pairs of cells; {_MAX_PAIRS:g} at most")


def _as_pairs(pre: NDArray[np.int64], post: NDArray[np.int64]) -> tuple[Ints, Ints]:
    return pre.astype(np.int32), post.astype(np.int32)


def _bernoulli(total: int, p: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """The successes among *total* independent trials, sorted, through geometric gaps."""
    if p <= 0.0:
        return np.empty(0, dtype=np.int64)
    if p >= 1.0:
        return np.arange(total, dtype=np.int64)
    parts = []
    last = -1
    while last < total:
        expected = (total - last) * p
        count = int(min(_CHUNK, expected + 4 * np.sqrt(expected) + 16))
        # A gap of a tiny p can be as long as an integer; beyond the end its length does not matter.
        pairs = last + np.cumsum(np.minimum(rng.geometric(p, count), total + 1).astype(np.int64))
        parts.append(pairs)
        last = int(pairs[-1])
    linear = np.concatenate(parts)
    return linear[: np.searchsorted(linear, total)]


def _total_number(
    rule: FixedTotalNumber,
    n_pre: int,
    n_post: int,
    exclude: bool,
    rng: np.random.Generator,
    where: str,
) -> tuple[Ints, Ints]:
    # Without self-connections, the diagonal is left out of the numbering of pairs.
    columns = n_post - 1 if exclude else n_post
    total = n_pre * columns
    if rule.n and not total:
        raise InputError(where, "there is no pair of cells to connect")
    if rule.multapses:
        linear = np.sort(rng.integers(0, total, rule.n)) if rule.n else np.empty(0, np.int64)
    else:
        if rule.n > total:
            raise InputError(where, f"{rule.n} connections, but only {total} distinct pairs")
        linear = np.sort(rng.choice(total, rule.n, replace=False, shuffle=False))
    pre, post = np.divmod(linear, max(columns, 1))
    if exclude:
        post = post + (post >= pre)
    return _as_pairs(pre, post)


def _fixed_degree(
    rule: FixedInDegree | FixedOutDegree,
    n_partners: int,
    n_owners: int,
    exclude: bool,
    rng: np.random.Generator,
    where: str,
) -> NDArray[np.int64]:
    """Shape (owners, n): every owner's partners."""
    available = n_partners - 1 if exclude else n_partners
    if rule.n > available and not (rule.multapses and available):
        raise InputError(where, f"{rule.n} asked for, but only {available} to choose from")
    if rule.multapses:
        partner = rng.integers(0, max(available, 1), (n_owners, rule.n))
    else:
        partner = _distinct(available, rule.n, n_owners, rng)
    if exclude:
        # Numbers from the owner's own on are one further.
        partner += partner >= np.arange(n_owners)[:, None]
    return partner


def _by_partner(partner: NDArray[np.int64], n_partners: int) -> tuple[Ints, Ints]:
    """(partner, owner) sorted by partner, then owner: a transposition, in linear time and little memory."""
    from scipy.sparse import csr_array

    owners, n = partner.shape
    rows = np.arange(0, owners * n + 1, n) if n else np.zeros(owners + 1, np.int64)
    marks = np.broadcast_to(np.int8(1), partner.size)
    table = csr_array(
        (marks, partner.ravel().astype(np.int32), rows), shape=(owners, n_partners)
    ).tocsc()
    counts = np.diff(table.indptr)
    return np.repeat(np.arange(n_partners, dtype=np.int32), counts), table.indices.astype(
        np.int32, copy=False
    )


def _distinct(available: int, n: int, rows: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Shape (rows, n): in every row n distinct numbers below *available*, every subset equally likely."""
    if n == 0:
        return np.empty((rows, 0), dtype=np.int64)
    if 2 * n > available:
        # Dense: the n smallest of random keys, in blocks of rows to bound the memory.
        block = max(1, _CHUNK // max(available, 1))
        parts = [
            np.argpartition(rng.random((min(block, rows - k), available)), n - 1, axis=1)[:, :n]
            for k in range(0, rows, block)
        ]
        return np.concatenate(parts)
    # Sparse: draw with replacement and draw the repeated ones again. No label is preferred at any
    # point, so every subset stays equally likely.
    chosen = rng.integers(0, available, (rows, n))
    pending = np.arange(rows)
    while pending.size:
        part = np.sort(chosen[pending], axis=1)
        repeated = np.zeros(part.shape, dtype=bool)
        repeated[:, 1:] = part[:, 1:] == part[:, :-1]
        part[repeated] = rng.integers(0, available, int(repeated.sum()))
        chosen[pending] = part
        pending = pending[repeated.any(axis=1)]
    return chosen
