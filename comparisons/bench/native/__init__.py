"""The benchmark networks of Brette et al. (2007), written by hand for each simulator.

Each script runs on its own (`python comparisons/bench/native/brian2_.py --network coba --edges E.npz
--duration 1000 --dt 0.1 --out S.npz`), imports nothing of coincide, prints one line of JSON
(`build_s`, `run_s`, `spikes`) and is written as the simulator's manual teaches, with that simulator's
own conventions and integrator. They are what coincide's overhead is measured against.
All take their wiring from one file, made by `edges.py`.
"""
