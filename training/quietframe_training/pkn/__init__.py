"""Procedural Kernel Networks (Wronski 2021): a small network predicts the parameters of classic filters."""
