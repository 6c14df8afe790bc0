"""What the user is told after an export."""

from __future__ import annotations

from typing import List

from ..translation import tr
from .existing_layer import AddReport
from .new_file import NewFile
from .prepare import PreparedFeatures
from .training_sample import SampleReport


def written_text(target: NewFile, prepared: PreparedFeatures) -> str:
    """A new file."""
    text = tr("{count} polygons were written to {path}.")
    sentences = [text.format(count=len(prepared.features), path=target.path.name)]
    return " ".join([*sentences, *_dropped(prepared)])


def added_text(layer_name: str, report: AddReport, prepared: PreparedFeatures) -> str:
    """Polygons in a layer of the project, which is now in edit mode."""
    text = tr("{count} polygons were added to {name}. Save the layer's edits to keep them, or undo.")
    sentences = [text.format(count=report.num_added, name=layer_name), *_dropped(prepared)]
    if report.fields_left_out:
        text = tr("The layer has no place for: {names}.")
        sentences.append(text.format(names=", ".join(report.fields_left_out)))
    return " ".join(sentences)


def sample_text(report: SampleReport) -> str:
    """Training data."""
    text = tr("{images} images with {count} polygons were saved as training data.")
    sentences = [text.format(images=len(report.stems), count=report.num_objects)]
    remarks = (
        (report.num_cut, tr("{count} polygons are larger than an image; a larger pixel size shows more.")),
        (report.num_beside, tr("{count} polygons lie beside the layer and were left out.")),
        (report.num_in_other_split, tr("{count} images were left out: another split shows the place.")),
    )
    sentences += [text.format(count=count) for count, text in remarks if count]
    return " ".join(sentences)


def _dropped(prepared: PreparedFeatures) -> List[str]:
    if not prepared.num_dropped:
        return []
    return [tr("{count} were left out as too small.").format(count=prepared.num_dropped)]
