"""The pupil model against closed forms of diffraction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import j1

from limelight.core.errors import ParameterError
from limelight.core.simulate import PSF_KINDS, PupilPSF, bead_stack
from limelight.core.simulate.psf import zernike


def test_in_focus_it_is_the_airy_disc():
    psf = PupilPSF(pixel_nm=10, na=1.2, wavelength_nm=600, index=1.33)
    image = psf.image(0, 0, 0, 81)[0]
    r = np.arange(1, 41) * 10
    v = 2 * np.pi * 1.2 / 600 * r
    airy = (2 * j1(v) / v) ** 2
    assert image[40, 41:] / image[40, 40] == pytest.approx(airy, abs=6e-3)


def test_all_light_reaches_a_large_camera():
    image = PupilPSF().image([0.2, 0], [0, 0.4], [0, 300], 41)
    assert image.sum(axis=(1, 2)) == pytest.approx(1, abs=0.03)
    assert image.min() >= 0


@pytest.mark.parametrize("kind", PSF_KINDS)
def test_moving_the_point_moves_the_image(kind):
    psf = PupilPSF(kind)
    still, moved = psf.image([0, 2], [0, -1], 150, 21)
    assert moved[:-1, 2:] == pytest.approx(still[1:, :-2], abs=1e-9)


def test_astigmatism_is_wide_in_x_below_and_in_y_above():
    below, above = PupilPSF("astigmatic").image(0, 0, [-300, 300], 21)
    assert below.T == pytest.approx(above, abs=1e-9)
    place = np.arange(21) - 10
    width = [(i.sum(axis=0) * place**2).sum() for i in (below, above)]
    assert width[0] > 1.5 * width[1]


def test_zernike_polynomials_are_orthonormal():
    u = (np.arange(400) + 0.5) / 200 - 1
    radius, angle = np.hypot(u, u[:, None]), np.arctan2(u[:, None], u)
    modes = [(0, 0), (1, 1), (2, -2), (2, 0), (3, 1), (4, 2), (4, 0), (6, 2)]
    values = np.stack([zernike(n, m, radius, angle)[radius <= 1] for n, m in modes])
    gram = values @ values.T / values.shape[1]
    assert gram == pytest.approx(np.eye(len(modes)), abs=0.01)
    with pytest.raises(ParameterError, match="no Zernike"):
        zernike(2, 1, radius, angle)


def test_a_stack_has_its_beads():
    psf = PupilPSF("astigmatic")
    stack = bead_stack(psf, (5, 40, 50), [10, 49], [20, 0], [1000, 500], step_nm=100, background=3)
    alone = psf.image(0, 0, [-200, -100, 0, 100, 200], 33)
    assert stack[:, 4:37, :27] == pytest.approx(1000 * alone[:, :, 6:] + 3, abs=1e-9)
    assert stack[2, 0, 49] > 3


@pytest.mark.parametrize(
    "arguments", [{"kind": "round"}, {"na": 1.6}, {"pixel_nm": 0}, {"wavelength_nm": -1}]
)
def test_impossible_optics_are_refused(arguments):
    with pytest.raises(ParameterError):
        PupilPSF(**arguments)
