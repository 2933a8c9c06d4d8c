"""How far two pictures differ."""

import math

import pytest
from PIL import Image

from notthat.agent.image_difference import ImageDifference, compare_images, draw_difference


def grey(level: int, size: tuple[int, int] = (100, 10)) -> Image.Image:
    return Image.new("RGB", size, (level, level, level))


def test_equal_pictures_do_not_differ() -> None:
    same = compare_images(grey(7), grey(7).convert("RGBA"))
    assert same == ImageDifference(0, 0.0, math.inf, 0.0)
    assert not same.is_visible


def test_a_difference_is_measured_over_all_pixels_and_channels() -> None:
    other = grey(0)
    other.paste((0, 30, 0), (0, 0, 50, 10))  # half the pixels, a third of their channels
    difference = compare_images(grey(0), other)
    assert (difference.max_abs_diff, difference.mean_abs_diff, difference.changed) == (30, 5.0, 0.5)
    assert difference.psnr == pytest.approx(10 * math.log10(255**2 / (900 / 6)))


@pytest.mark.parametrize(("level", "pixels", "is_visible"), [(8, 1000, False), (9, 1000, True), (255, 0, False)])
def test_few_pixels_and_low_levels_are_not_seen(level: int, pixels: int, is_visible: bool) -> None:
    other = grey(0)
    other.paste((level, 0, 0), (0, 0, pixels // 10, 10))
    assert compare_images(grey(0), other).is_visible == is_visible


def test_pictures_of_different_sizes_differ_completely() -> None:
    assert compare_images(grey(0), grey(0, (50, 10))) == ImageDifference(255, 255.0, 0.0, 1.0)


def test_the_map_is_darker_where_more_changes() -> None:
    other = grey(0)
    other.paste((0, 10, 0), (0, 0, 50, 10))
    change = draw_difference(grey(0), other, gain=4)
    assert (change.getpixel((0, 0)), change.getpixel((99, 9))) == ((215,) * 3, (255,) * 3)
