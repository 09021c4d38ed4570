"""Preprocess, train and run the ensemble, and measure what it draws; knows neither sibling package."""
