"""Policies compared over weeks of drawn waste."""
