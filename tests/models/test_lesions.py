"""The library's lesions: each can be applied, is healthy at severity 0, and says where it is from."""

import pytest

from coincide.core.errors import InputError
from coincide.core.perturbations import Lesion, apply
from coincide.models.library import MODELS, lesions_of, load_model

LESIONS = [(model, name) for model in MODELS for name in lesions_of(model)]


def test_there_are_lesions_of_models_that_have_them_only() -> None:
    assert {model for model, _ in LESIONS} == {m for m, entry in MODELS.items() if entry.lesions}
    assert lesions_of("lif_10") == {}
    with pytest.raises(InputError, match="did you mean 'lif_80'"):
        lesions_of("lif_8")


@pytest.mark.parametrize(("model", "name"), LESIONS)
def test_a_lesion_changes_a_variant_and_is_healthy_at_severity_zero(model: str, name: str) -> None:
    lesion = lesions_of(model)[name]
    assert lesion.name == name
    assert lesion.title
    assert lesion.citation or all(p.citation for p in lesion.perturbations)
    assert Lesion.from_json(lesion.to_json()) == lesion
    fits = []
    for variant in MODELS[model].variants:
        healthy = load_model(model, variant)
        try:
            lesioned = apply(healthy, lesion)
        except InputError as error:
            # A variant without the part that is lesioned.
            assert "matches nothing" in str(error)  # noqa: PT017
            continue
        assert apply(healthy, lesion.at(0)) == healthy
        if lesioned != healthy:
            assert apply(healthy, lesion.at(0.5)) not in (healthy, lesioned)
            fits.append(variant)
    assert fits
