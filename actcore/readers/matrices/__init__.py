"""Matrices of relations by features, layer by layer: the files of the co-activation job.

Leaves every number derived from them to `actcore.analysis`.
"""
