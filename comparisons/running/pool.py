"""Several runs side by side."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from ...core.errors import InputError, MachineError
from ...core.realization import Realization
from ...core.settings import Settings
from .process import CANCELLED
from .runs import DEFAULT_TIMEOUT_S, Job, Run, as_run
from .store import perform


def execute(
    realization: Realization,
    path: Path,
    requests: Iterable[tuple[str, Settings]],
    *,
    jobs: int | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    fresh: bool = False,
    executor: Executor | None = None,
    on_start: Callable[[str, str], None] = lambda run_id, progress_file: None,
    on_end: Callable[[Run], None] = lambda run: None,
) -> tuple[Run, ...]:
    """Perform several runs side by side, in the order asked for.

    ``executor`` is anything with the interface of concurrent.futures; threads by default, each waiting
    for its own process. ``on_start`` gets the id of a run and the file to which it writes its progress.
    """
    todo = [
        Job(str(path), realization.digest, backend, settings, timeout_s, fresh)
        for backend, settings in requests
    ]
    return perform_all(
        todo,
        jobs=jobs,
        executor=executor,
        on_start=lambda k, job: on_start(job.id, job.progress_file),
        on_end=lambda k, run: on_end(run),
    )


def perform_all(
    todo: Sequence[Job],
    *,
    jobs: int | None = None,
    executor: Executor | None = None,
    on_start: Callable[[int, Job], None] = lambda k, job: None,
    on_end: Callable[[int, Run], None] = lambda k, run: None,
) -> tuple[Run, ...]:
    """Perform jobs, of several realizations too, side by side; the runs in the order of the jobs.

    The callbacks get the place of the job among those given.
    """
    if jobs is not None and jobs < 1:
        raise InputError("--jobs", f"{jobs} is given; at least 1 is needed")
    with tempfile.TemporaryDirectory(prefix="coincide-progress-") as progress:
        todo = [
            replace(job, progress_file=str(Path(progress) / f"{k}")) for k, job in enumerate(todo)
        ]
        pool = executor or ThreadPoolExecutor(jobs or os.cpu_count() or 1)
        try:
            futures = {}
            for k, job in enumerate(todo):
                on_start(k, job)
                futures[pool.submit(perform, job)] = k
            results = {}
            for future in as_completed(futures):
                k = futures[future]
                try:
                    results[k] = future.result()
                except MachineError:
                    raise
                except Exception as error:  # the executor itself may fail, on a cluster in any way
                    reason = f"{type(error).__name__}: {error}"
                    failed = {"status": "failed", "reason": reason}
                    results[k] = as_run(todo[k], failed, None, False)
                on_end(k, results[k])
        except BaseException:
            # Every waiting thread sees this file and ends its process.
            (Path(progress) / CANCELLED).touch()
            if executor is None:
                assert isinstance(pool, ThreadPoolExecutor)
                pool.shutdown(cancel_futures=True)
            raise
        if executor is None:
            assert isinstance(pool, ThreadPoolExecutor)
            pool.shutdown()
        return tuple(results[k] for k in range(len(todo)))
