"""Lesions of the cerebellar circuit: what is changed, by how much, whose number that is, and why."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..core.perturbations import Lesion

LESIONS: Mapping[str, Lesion] = MappingProxyType(
    {
        lesion.name: lesion
        for lesion in (
            Lesion(
                name="purkinje_loss",
                title="Nine of ten Purkinje cells lost",
                perturbations=("remove 90% purkinje",),
                citation="Mullen, Eicher & Sidman 1976, PNAS 73:208: pcd mice lose nearly all "
                "Purkinje cells and are ataxic; 90 % is chosen",
            ),
            Lesion(
                name="parallel_fibre_weakening",
                title="Synapses of parallel fibres with Purkinje cells at half their strength",
                perturbations=("granule_to_purkinje.weight *= 0.5",),
                citation="Hirai et al. 2005, Nat. Neurosci. 8:1534: mice without Cbln1 lose most of "
                "these synapses and are ataxic; a half is chosen",
            ),
            Lesion(
                name="nav16_null",
                title="Purkinje cells without Nav1.6 (variant hh only)",
                perturbations=(
                    "purkinje.naRsg.Oon := 2.3 /ms",
                    "purkinje.naRsg.epsilon := 1e-12 /ms",
                ),
                citation="Khaliq, Gouwens & Raman 2003, J. Neurosci. 23:4899: both numbers are "
                "theirs, for med mice, which are ataxic",
            ),
            Lesion(
                name="climbing_silenced",
                title="Climbing fibres silenced",
                perturbations=("silence climbing",),
                citation="Llinás et al. 1975, Science 190:1230: destroying the inferior olive with "
                "3-acetylpyridine undoes motor coordination; all of them is chosen",
            ),
            Lesion(
                name="interneurons_removed",
                title="Stellate and basket cells without output",
                perturbations=("silence stellate", "silence basket"),
                citation="Wulff et al. 2009, Nat. Neurosci. 12:1042: Purkinje cells without fast "
                "inhibition; Brown et al. 2019, Sci. Rep. 9:1742: without GABA from basket cells "
                "simple spikes are faster; all of it is theirs",
            ),
            Lesion(
                name="golgi_removed",
                title="Golgi cells without output",
                perturbations=("silence golgi",),
                citation="Watanabe et al. 1998, Cell 95:17: mice whose Golgi cells are ablated are "
                "severely ataxic at first; all of it is theirs",
            ),
        )
    }
)
"""The lesions of ``cerebellar_circuit`` by name."""
