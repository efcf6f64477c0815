"""The studies `images` and `captions` on the two vision models that are trained here, and on EfficientNet-Lite0.

    python -m examples.studies

On emoji whose meanings neither transformer was shown.
"""

from __future__ import annotations

from typing import Any

import foretell
from examples.vision import held_out_ids, trained_models
from foretell.cli.output import progress
from foretell.studies.config.presets import preset_mapping
from foretell.studies.config.study_file import Study, study_from

__all__ = ["vision_studies"]


def vision_studies() -> dict[str, Study]:
    """`images` and `captions`, with every vision model in turn: they are trained now unless the cache has them."""
    folders = trained_models()
    vision = {"each": [*(str(folder) for folder in folders.values()), "efficientnet-lite0"]}
    text = preset_mapping("captions")["model"][0]
    return {"images": _on_held_out("images", vision), "captions": _on_held_out("captions", [text, vision])}


def main() -> None:
    """Run both, and print what they found."""
    with progress():
        for name, study in vision_studies().items():
            answer = foretell.run(study, out=f"foretell-runs/vision-{name}")
            print(answer.summary.text())


def _on_held_out(preset: str, model: Any) -> Study:
    """A preset with other models, on the items that were kept from them."""
    mapping = preset_mapping(preset)
    mapping["pairs"] |= {"only": str(held_out_ids())}
    mapping["measure"].pop("beside", None)  # there are many comparisons
    return study_from(mapping | {"model": model}, source=f"{preset} with the models trained here")


if __name__ == "__main__":
    main()
