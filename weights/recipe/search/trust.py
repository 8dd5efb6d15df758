# SPDX-License-Identifier: Apache-2.0
"""Sections of the report that tell how far to trust it: importance against chance, proxies against longer training."""

from __future__ import annotations

import math
import statistics

from search import figures, importance, page
from search.page import number, paragraph, plural, text
from search.stats import spearman
from search.story import Story


def choices(s: Story) -> list[str]:
    if not importance.available():
        return ["<h2>Which choices mattered</h2>", paragraph("Left out: scikit-learn is not installed.", "quiet")]
    parts = [
        (title, found)
        for title, found in (
            (f"for {s.what}", importance.of_accuracy(s.begun)),
            ("for latency", importance.of_latency(s.found.timed)),
        )
        if found
    ]
    if not parts:
        return []
    clear = [(title, [k for k, v in found.shares.items() if v > found.chance][:3]) for title, found in parts]
    says = " ".join(
        f"{text(title[0].upper() + title[1:])}: {text(', '.join(keys)) or 'nothing that chance could not do'}."
        for title, keys in clear
    )
    return [
        "<h2>Which choices mattered</h2>",
        page.figure(
            figures.svg(figures.importance(parts)),
            "How much of the differences between networks each field explains by itself (fANOVA on a random forest)."
            " The dashed line is what the largest field gets when the figures are dealt out at random: grey bars below"
            f" it say nothing. {says}",
        ),
    ]


def finals(s: Story) -> list[str]:
    networks, rho, tau, spread = s.agreement()
    if len(networks) < 2:
        return []
    seeds = sorted({seed for c in networks for seed in c.finals})
    means = [statistics.mean(c.finals.values()) for c in networks]
    several = max(len(c.finals) for c in networks)
    rows = [
        (
            s.kind(c),
            [text(s.name(c)), number(c.parameters), f"{c.latency_ms:.2f}", f"{c.accuracy:.1f}"]
            + [f"{c.finals[seed]:.1f}" if seed in c.finals else "–" for seed in seeds]
            + [f"<b>{m:.1f}</b>"],
        )
        for c, m in zip(networks, means)
    ]
    favour = spearman([c.parameters for c in networks], [m - c.accuracy for c, m in zip(networks, means)])
    noise = (
        "Only one seed was trained, so nothing is known of the spread between seeds."
        if math.isnan(spread)
        else (
            f"Seeds of one network differ by a standard deviation of {spread:.2f} points; two networks whose means of"
            f" {several} seeds differ by less than {s.distinguishable():.1f} points cannot be told"
            " apart."
        )
    )
    longer = s.plan.final_pictures != s.plan.proxy_pictures
    length = f"for {s.plan.final_pictures:,} " + (
        f"instead of {s.plan.proxy_pictures:,} picture-steps" if longer else "picture-steps, as in proxy training,"
    )
    fair = (
        f" Correlation of size with what longer training adds: {favour:.2f} (well above 0: short training is unfair to"
        " large networks)."
        if longer
        else ""
    )
    return [
        "<h2>Longer training: was the proxy right?</h2>",
        paragraph(
            f"{len(networks)} networks, spread over the ranks of proxy training, were trained {length} with other"
            f" seeds. Rank correlation with proxy training: Spearman <b>{rho:.2f}</b>, Kendall <b>{tau:.2f}</b> (1: the same order,"
            f" 0: none). {noise}{fair}"
        ),
        page.figure(
            figures.svg(figures.finals(networks, s.prototype.key, s.winner.key if s.winner else "", s.what)),
            "Dots are seeds, bars their means. The more they rise from left to right, the better proxy training"
            " predicts.",
        ),
        page.table(["network", "parameters", "ms", "proxy"] + [f"seed {seed}" for seed in seeds] + ["mean"], rows),
    ]


def curves(s: Story) -> list[str]:
    if not s.plan or not any(c.rungs for c in s.begun):
        return []
    keys = (s.prototype.key, s.winner.key if s.winner else "")
    picture = figures.curves(s.begun, s.plan.proxy_pictures, s.r.proxy.reports, *keys, s.what)
    whole = [c for c in s.found.trained if len(c.rungs) == s.r.proxy.reports]
    early = (
        [spearman([c.rungs[i] for c in whole], [c.accuracy for c in whole]) for i in range(s.r.proxy.reports - 1)]
        if len(whole) > 2
        else []
    )
    says = "".join(
        f" Rung {i} ranked the {len(whole)} that ran to the end with a correlation of {v:.2f} to their last."
        for i, v in enumerate(early, 1)
    )
    return [
        "<h2>Proxy training</h2>",
        page.figure(
            figures.svg(picture),
            f"Each line is a network, each dot a rung. A run ends with a cross where {s.r.prune_peers} networks that"
            f" are no slower were ahead by {plural(s.r.prune_margin, 'point')} or more for each rung still to come: they make"
            f" it superfluous.{says}",
        ),
    ]


def screen(s: Story) -> list[str]:
    trained = [c for c in s.begun if c.accuracy is not None]
    failed, passed = [c for c in trained if not c.passed], [c for c in trained if c.passed]
    if not failed or not passed:
        return [
            "<h2>Was the screen right?</h2>",
            paragraph("No network that fails the screen has been trained to the end, so this cannot be said."),
        ]
    gaps = [
        c.accuracy - max(o.accuracy for o in passed if o.latency_ms <= c.latency_ms)
        for c in failed
        if any(o.latency_ms <= c.latency_ms for o in passed)
    ]
    better = sum(g > 0 for g in gaps)
    says = (
        f"{better} of the {len(gaps)} that can be compared beat every network that passed and is no slower (by"
        f" {max(gaps):+.1f} points at best, {statistics.mean(gaps):+.1f} on average)."
        if gaps
        else "None of them has a network that passed and is no slower to be compared with."
    )
    return [
        "<h2>Was the screen right?</h2>",
        paragraph(
            "A timed candidate is worth training unless another one that is no slower has a tenth more of both"
            f" MACs and parameters. {plural(len(failed), 'network')} of those trained failed this (squares above). {says}"
        ),
    ]
