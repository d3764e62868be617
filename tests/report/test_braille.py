"""The braille canvas, dot by dot."""

from __future__ import annotations

from poolwise.report.braille import RESET, Canvas


def test_dots_follow_unicode_numbering() -> None:
    canvas = Canvas(1, 1)
    canvas.fill(0, 0, 0)
    assert canvas.rows() == ["⡀"]
    canvas.fill(1, 0, 3)
    assert canvas.rows() == ["⣸"]
    canvas.fill(0, 0, 3)
    assert canvas.rows() == ["⣿"]


def test_bottom_row_is_last() -> None:
    canvas = Canvas(2, 2)
    canvas.fill(2, 0, 3)
    assert canvas.rows() == ["  ", " ⡇"]


def test_what_is_outside_is_cut() -> None:
    canvas = Canvas(1, 1)
    canvas.fill(0, -5, 99)
    assert canvas.rows() == ["⡇"]


def test_a_rule_shows_in_empty_cells_only() -> None:
    canvas = Canvas(3, 1)
    canvas.fill(2, 0, 0)
    canvas.rule(0, "┄")
    assert canvas.rows() == ["┄⡀┄"]


def test_colour_is_reset_after_each_cell() -> None:
    canvas = Canvas(1, 1)
    canvas.fill(0, 0, 3, "\x1b[31m")
    assert canvas.rows() == [f"\x1b[31m⡇{RESET}"]
