# SPDX-License-Identifier: Apache-2.0
"""Batches of labelled pictures and of others that a teacher or coarser classes label, and the loss over both."""

from __future__ import annotations

import dataclasses
import itertools
import math
import pathlib

import torch
import torch.nn.functional as F

from data import IGNORE, LABEL_STEP, Augment, Crops, Folder


@dataclasses.dataclass
class Part:
    """What one data set gives to a batch; its pictures are rows `start` to `start + len(crops.x)` of the scores."""

    start: int
    crops: Crops
    hard_weight: float
    soft_weight: float
    members: torch.Tensor | None  # [coarse classes, classes] 0 or 1: crops.y are ids of these sets of classes


class Source:
    """A data set in an order of its own, reshuffled when all of it was seen."""

    def __init__(self, data: Folder, augment: Augment, share: int, **part):
        self.data, self.augment, self.share, self.part = data, augment, share, part
        self.order = torch.empty(0, dtype=torch.long)

    def next(self, start: int, crop: tuple[int, int], zoom: float, rng: torch.Generator) -> Part:
        while len(self.order) < self.share:
            self.order = torch.cat([self.order, torch.randperm(len(self.data), generator=rng)])
        index, self.order = self.order[: self.share], self.order[self.share :]
        return Part(start, self.augment(self.data, index, crop, zoom, rng), **self.part)


def members(root: pathlib.Path, coarse: dict[str, list[str]], theirs: list[str], ours: list[str]) -> torch.Tensor:
    """[len(theirs), len(ours)], 1 where a class of ours may be what another data set calls so."""
    if set(coarse) != set(theirs):
        raise ValueError(f"extra.classes: {sorted(coarse)}, expected the classes of {root}: {sorted(theirs)}")
    unknown = sorted({name for names in coarse.values() for name in names} - set(ours))
    if unknown:
        raise ValueError(f"extra.classes: {unknown}, expected names among {ours}")
    return torch.tensor([[float(name in coarse[group]) for name in ours] for group in theirs])


def others(config: dict) -> list[dict]:
    """The tables of config["extra"], which holds none, one or a list."""
    extra = config.get("extra", [])
    return extra if isinstance(extra, list) else [extra]


def asks_teacher(extra: dict) -> bool:
    """Whether a table of config["extra"] wants soft labels."""
    return extra.get("classes") is None or extra.get("soft", False)


class Batches:
    """The batches of a configuration: config["data"], and config["extra"] for a share of each batch.

    config["distil"] = {"weight": w, "labels": folder}: where there are both, soft labels weigh w and hard ones 1 - w; with
    "unweight": e, they are first divided by the class weights to the e, which takes out what a weighted loss put in.
    config["extra"] = {"data", "splits", "share", "scale"}: other pictures, labelled by the same teacher alone; or, with
    "classes" ({their class: [ours, ...]}), by their own coarser classes. A class of theirs may have none of ours: its
    pixels then count for nothing. With "classes" and "soft": true by both, weighed as in config["distil"] (or "soft": a
    weight of its own), and the teacher is heard only on the classes that the coarse label allows. A list of such tables takes pictures of several sets. Of several processes, each has its part of config["batch"].
    """

    def __init__(self, config: dict, data_root: pathlib.Path, device: str, rank: int = 0, world: int = 1):
        distil, extras = config.get("distil"), others(config)
        labels = distil["labels"] if distil else None
        root = data_root / config["data"]
        soft_weight = distil["weight"] if distil else 0.0
        self.data = Folder(root, config["train"], labels if soft_weight else None, config.get("limits"))
        self.class_weights = self.data.class_weights().to(device)
        batch = config["batch"]
        if batch % world:
            raise ValueError(f"batch: {batch}, expected a multiple of the {world} processes")
        shares = [round(batch * extra["share"]) for extra in extras]
        for extra, of_all in zip(extras, shares):
            if extra["share"] > 0 and not of_all:
                raise ValueError(f"extra.share: {extra['share']} of a batch of {batch} is no picture, expected {0.5 / batch} or more")
        if sum(shares) > batch:
            raise ValueError(f"extra.share: {sum(shares)} pictures in all, expected at most the batch of {batch}")
        # This process's part of the shares' running sums: each process then has as many pictures as every other.
        ends = [n * (rank + 1) // world - n * rank // world for n in itertools.accumulate(shares, initial=0)]
        augment = Augment(**config["augment"])
        part = {"hard_weight": 1 - soft_weight, "soft_weight": soft_weight, "members": None}
        self.sources = [Source(self.data.to(device), augment, batch // world - ends[-1], **part)]
        for extra, first, last in zip(extras, ends, ends[1:]):
            coarse = extra.get("classes")
            other_root = data_root / extra["data"]
            soft = asks_teacher(extra)
            if soft and labels is None:
                raise ValueError("extra: pictures without classes, or with soft, need distil.labels")
            if first == last:
                continue
            folder = Folder(other_root, extra["splits"], labels if soft else None)
            groups = members(other_root, coarse, folder.info["classes"], self.data.info["classes"]).to(device) if coarse is not None else None
            asked = extra.get("soft", False)
            if not 0 <= asked <= 1:
                raise ValueError(f"extra.soft: {asked}, expected true, false or a weight of 0 to 1")
            softness = 1.0 if coarse is None else soft_weight if asked is True else float(asked)
            part = {"hard_weight": 1 - softness, "soft_weight": softness, "members": groups}
            augment = Augment(**config["augment"] | {"scale": extra["scale"]})
            self.sources.append(Source(folder.to(device), augment, last - first, **part))
        self.sources = [s for s in self.sources if s.share]
        self.unweight = self.class_weights ** distil.get("unweight", 0.0) if distil else None

    def next(self, crop: tuple[int, int], zoom: float, rng: torch.Generator) -> tuple[torch.Tensor, list[Part]]:
        """[batch, 3, *crop] normalised pictures, enlarged `zoom` times beside the random scale, and what is known of them."""
        parts: list[Part] = []
        for source in self.sources:
            part = source.next(sum(len(p.crops.x) for p in parts), crop, zoom, rng)
            if part.crops.soft is not None:
                part.crops.soft = unweighted(part.crops.soft, self.unweight)
                if part.members is not None:
                    part.crops.soft = narrowed(part.crops.soft, part.crops.y, part.members)
            parts.append(part)
        return torch.cat([p.crops.x for p in parts]), parts


def unweighted(soft: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Probabilities [n, C, h, w] divided by the weights [C] that their teacher's loss gave to the classes, with the same
    sum at every pixel (logit adjustment, Menon et al. 2021)."""
    divided = soft / weights.view(1, -1, 1, 1)
    return divided * (soft.sum(1, keepdim=True) / divided.sum(1, keepdim=True).clamp_min(1e-6))


def narrowed(soft: torch.Tensor, y: torch.Tensor, members: torch.Tensor) -> torch.Tensor:
    """Probabilities [n, C, h, w] of the classes that the coarse labels y [n, h, w] allow by `members`, with the same sum at
    every pixel; as they are where y is IGNORE, 0 where its class has none of ours. What the teacher holds impossible
    altogether becomes even."""
    total = soft.sum(1, keepdim=True)
    unknown = members.new_ones(1, members.shape[1])
    allowed = torch.cat([members, unknown])[y.clamp_max(len(members))].permute(0, 3, 1, 2)
    kept = (soft + 1e-3 * total) * allowed
    return torch.where(y.unsqueeze(1) == IGNORE, soft, kept * (total / kept.sum(1, keepdim=True).clamp_min(1e-6)))


def at_phase(scores: torch.Tensor, crops: Crops) -> torch.Tensor:
    """Scores [n, C, h/s, w/s] where the crops have their labels, [n, C, h/4, w/4]: for strides s of 1, 2 and 4 what the
    bilinear enlargement to every pixel holds there, for coarser ones a second interpolation of it."""
    size = crops.y.shape[-2:]
    if scores.shape[-2] < size[0]:
        scores = F.interpolate(scores, size, mode="bilinear", align_corners=False)
    for dim, phase, labels in zip((2, 3), crops.phase, size):
        n = scores.shape[dim]
        step = n // labels  # scores to a label
        at = (phase + 0.5) * step / LABEL_STEP - 0.5  # of the first label, in scores
        before = math.floor(at)
        index = torch.arange(labels, device=scores.device) * step + before
        ends = (scores.index_select(dim, (index + i).clamp(0, n - 1)) for i in (0, 1))  # at the picture's end, the last one
        scores = torch.lerp(*ends, at - before)
    return scores


def jaccard_loss(q: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The Lovasz extension of 1 - IoU, mean over the classes that occur (Berman, Triki, Blaschko 2018, section 3.1).

    @param q  [classes, n] probabilities of n pixels; y [n] their class ids
    """
    truth = torch.zeros_like(q).scatter_(0, y.unsqueeze(0), 1.0)
    errors, order = (truth - q).abs().sort(1, descending=True)
    truth = truth.gather(1, order)
    count = truth.sum(1, keepdim=True)
    # 1 - IoU if the pixels up to each one, worst first, were all mistaken; its steps weigh the errors.
    lost = 1 - (count - truth.cumsum(1)) / (count + (1 - truth).cumsum(1))
    steps = torch.diff(lost, dim=1, prepend=lost.new_zeros(len(lost), 1))
    return (errors * steps).sum(1)[count.squeeze(1) > 0].mean()


def loss(scores: torch.Tensor, parts: list[Part], class_weights: torch.Tensor, jaccard: float = 0.0) -> torch.Tensor:
    """Class-weighted cross-entropy with hard and soft targets mixed, a mean over the weights of all targets.

    @param scores  [batch, classes, h, w] of the batch's crops, at any stride
    @param jaccard  weight of jaccard_loss() beside it, over all pixels that have a label of ours
    """
    total, norm = scores.new_zeros((), dtype=torch.float32), scores.new_zeros((), dtype=torch.float32)
    labelled: list[tuple[torch.Tensor, torch.Tensor]] = []
    for p in parts:
        y, soft = p.crops.y, p.crops.soft
        q = at_phase(scores[p.start : p.start + len(y)].float().contiguous(), p.crops).log_softmax(1)
        if p.soft_weight:
            target = soft * class_weights.view(1, -1, 1, 1)
            total = total - p.soft_weight * (target * q).sum()
            norm = norm + p.soft_weight * target.sum()
        if jaccard and p.members is None and p.hard_weight:
            known = y != IGNORE
            labelled.append((q.permute(1, 0, 2, 3)[:, known].exp(), y[known]))
        if p.hard_weight:
            weights = class_weights
            if p.members is not None:  # the probability of any of the classes that the coarse one may mean
                q = torch.einsum("kc,nchw->nkhw", p.members, q.exp()).clamp_min(1e-6).log().contiguous()
                weights = p.members @ class_weights / p.members.sum(1).clamp_min(1)
            total = total + p.hard_weight * F.nll_loss(q, y, weights, ignore_index=IGNORE, reduction="sum")
            norm = norm + p.hard_weight * weights[y[y != IGNORE]].sum()
    mean = total / norm.clamp_min(1e-6)
    if any(len(y) for _, y in labelled):
        qs, ys = zip(*labelled)
        mean = mean + jaccard * jaccard_loss(torch.cat(qs, 1), torch.cat(ys))
    return mean
