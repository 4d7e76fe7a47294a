"""Helpers that the Makefile calls."""
