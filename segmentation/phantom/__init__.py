"""Simulated exams with a known truth, and simulated outlines of it: for practice, for demonstration, for tests."""
