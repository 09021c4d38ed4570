"""Regression: PySide6 6.12 on Python 3.11 loses a reference to None in each void call, and aborts after thousands."""

import sys

from PySide6.QtCore import QObject


def test_void_calls_keep_their_references_to_none() -> None:
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(1000):
        thing.setObjectName("x")
    assert abs(sys.getrefcount(None) - before) < 100  # 6.12.0: 1000 fewer
