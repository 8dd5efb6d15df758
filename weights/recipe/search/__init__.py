# SPDX-License-Identifier: Apache-2.0
"""The parts of explore.py: requirements, search space, indicator, measuring, shared storage, stages, report."""
