"""Three linked views in one picture."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from limelight.core.psf import reslice
from limelight.widgets.psf_views import PsfViews

SCALE = (0.2, 0.1, 0.1)


@pytest.fixture
def volume():
    return np.random.default_rng(0).integers(0, 999, (7, 12, 20)).astype(np.uint16)


def show(views, volume, point, limits=(0.0, 900.0), **more):
    views.show([reslice(volume, point, scale_um=SCALE)], [limits], volume.shape, point, **more)


def test_views_lie_side_by_side_and_share_their_axes(qapp, volume):
    viewer = ViewerModel()
    views = PsfViews(viewer)
    show(views, volume, (3.0, 5.0, 8.0))
    xy, xz, yz = (viewer.layers[f"PSF {n}"] for n in ("XY", "XZ", "YZ"))
    assert xz.translate[1] == xy.translate[1] and yz.translate[0] == xy.translate[0]
    assert xz.translate[0] > 12 * 0.1 and yz.translate[1] > 20 * 0.1
    assert (xy.data == volume[3]).all() and (yz.data == volume[:, :, 8].T).all()
    assert {str(u) for u in xy.units} == {"micrometer"}


def test_drawing_leaves_the_stack_as_it_is(qapp, volume):
    viewer, before = ViewerModel(), volume.copy()
    views = PsfViews(viewer)
    for z in range(7):
        show(views, volume, (float(z), 5.0, 8.0))
        assert (viewer.layers["PSF XY"].data == before[z]).all()
    assert (volume == before).all()


def test_the_picture_on_the_screen_is_the_newest(qapp, volume):
    viewer = ViewerModel()
    views = PsfViews(viewer)
    show(views, volume, (0.0, 5.0, 8.0))
    show(views, volume, (4.0, 5.0, 8.0))
    layer = viewer.layers["PSF XY"]
    assert (layer._slice.image.view == volume[4]).all()


def test_a_view_that_was_deleted_comes_again_and_another_size_begins_anew(qapp, volume):
    viewer = ViewerModel()
    views = PsfViews(viewer)
    show(views, volume, (0.0, 5.0, 8.0))
    viewer.layers.remove("PSF XZ")
    show(views, volume, (0.0, 5.0, 8.0))
    assert "PSF XZ" in viewer.layers
    show(views, volume[:, :6], (0.0, 3.0, 8.0))
    assert viewer.layers["PSF XY"].data.shape == (6, 20)
    assert len([x for x in viewer.layers if x.name == "PSF XY"]) == 1
    assert len(viewer.layers) == 4
    views.clear()
    assert not viewer.layers
    views.close()
    assert views._on_drag not in viewer.mouse_drag_callbacks


def test_contrast_is_kept_if_asked(qapp, volume):
    viewer = ViewerModel()
    views = PsfViews(viewer)
    show(views, volume, (0.0, 5.0, 8.0))
    show(views, volume, (0.0, 5.0, 8.0), limits=(1.0, 50.0), keep=True)
    assert viewer.layers["PSF XY"].contrast_limits == [0, 900]
    show(views, volume, (0.0, 5.0, 8.0), limits=(1.0, 50.0))
    assert viewer.layers["PSF XY"].contrast_limits == [1, 50]


def test_only_what_the_eye_sees_is_drawn_anew(qapp, volume):
    """A slice changes one line of XZ and YZ, and XY only where the point lies in it."""
    viewer = ViewerModel()
    views = PsfViews(viewer)
    show(views, volume, (3.0, 5.0, 8.0))
    drawn: list[str] = []
    for name in ("XY", "XZ", "YZ"):
        layer = viewer.layers[f"PSF {name}"]
        layer.events.set_data.connect(lambda _, n=name: drawn.append(n))
        layer.events.contrast_limits.connect(lambda _, n=name: drawn.append(f"contrast {n}"))
    show(views, volume, (3.0, 5.0, 8.0), limits=(1.0, 905.0))
    assert drawn == []
    volume[0] += 1
    show(views, volume, (3.0, 5.0, 8.0))
    assert drawn == ["XZ", "YZ"]
    assert (viewer.layers["PSF XZ"].data[0] == volume[0, 5]).all()
    show(views, volume, (3.0, 5.0, 8.0), limits=(0.0, 950.0))
    assert {d for d in drawn if "contrast" in d} == {f"contrast {n}" for n in ("XY", "XZ", "YZ")}
