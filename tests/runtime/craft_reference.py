"""The original box extraction, written plainly from its description: slow, scans the whole map per component."""

import math

import cv2
import numpy as np


def reference_boxes(region, affinity, *, text_threshold, link_threshold, low_text):
    text = (region > low_text).astype(np.uint8)
    link = (affinity > link_threshold).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(np.clip(text + link, 0, 1), connectivity=4)
    quads = []
    for label in range(1, count):
        x, y, w, h, size = stats[label].tolist()
        if size < 10 or np.max(region[labels == label]) < text_threshold:
            continue
        segmap = np.zeros(region.shape, np.uint8)
        segmap[labels == label] = 255
        segmap[np.logical_and(link == 1, text == 0)] = 0
        niter = int(math.sqrt(size * min(w, h) / (w * h)) * 2)
        sx, ex = max(x - niter, 0), min(x + w + niter + 1, region.shape[1])
        sy, ey = max(y - niter, 0), min(y + h + niter + 1, region.shape[0])
        kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (1 + niter, 1 + niter))
        segmap[sy:ey, sx:ex] = cv2.dilate(segmap[sy:ey, sx:ex], kernel)
        points = np.roll(np.array(np.where(segmap != 0)), 1, axis=0).transpose().reshape(-1, 2).astype(np.float32)
        box = cv2.boxPoints(cv2.minAreaRect(points))
        sides = np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[1] - box[2])
        if abs(1 - max(sides) / (min(sides) + 1e-5)) <= 0.1:
            (left, top), (right, bottom) = points.min(0), points.max(0)
            box = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        quads.append(np.roll(box, 4 - box.sum(axis=1).argmin(), 0))
    return np.array(quads, np.float32).reshape(-1, 4, 2)
