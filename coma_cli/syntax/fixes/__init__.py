"""Kinds of bug fixes that the buggy function alone tells, decided on the syntax trees of a Java function."""
