"""Several runs side by side, and all of them ended when one cannot go on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from ...core.errors import MachineError
from .process import CANCELLED
from .runs import Job, Run, as_run
from .store import perform


def perform_all(
    todo: Sequence[Job],
    *,
    jobs: int | None = None,
    executor: Executor | None = None,
    on_start: Callable[[int, Job], None] = lambda k, job: None,
    on_end: Callable[[int, Run], None] = lambda k, run: None,
) -> tuple[Run, ...]:
    """Perform jobs, of several realizations too, side by side; the runs in the order of the jobs.

    *executor* is anything with the interface of concurrent.futures; threads by default, each waiting for its
    own process. The callbacks get the place of the job among those given.
    """
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
