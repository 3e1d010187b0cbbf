"""Finds faces, where a detector is installed. None of the packages that we use carries a detector's weights.

OpenCV 5 has the code of YuNet but not its file (face_detection_yunet_2023mar.onnx, MIT). A city that has the file names it in
HAECHI_FACE_MODEL; without it photos stay with the office in charge, and the screens say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from haechi.core.errors import MissingPart

INSTALL = 'uv pip install "haechi[vision]", 그리고 YuNet 모델 파일의 자리를 HAECHI_FACE_MODEL에 적으세요'
SCORE = 0.6
"""Lower than the model's usual 0.9: a face missed is worse than a wall blurred."""


class YuNet:
    """A FindFaces. Raises MissingPart without OpenCV or without the model file."""

    def __init__(self, model: Path | None) -> None:
        try:
            import cv2  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise MissingPart("얼굴 찾기(OpenCV)", INSTALL) from error
        if model is None or not model.is_file():
            raise MissingPart("얼굴 찾기 모델(YuNet)", INSTALL)
        self._cv2: Any = cv2
        self._model = str(model)

    def __call__(self, image: Any) -> Sequence[tuple[int, int, int, int]]:
        """Boxes (left, top, right, bottom) in pixels."""
        import numpy as np

        detector = self._cv2.FaceDetectorYN.create(self._model, "", image.size, SCORE)
        _, found = detector.detect(np.asarray(image)[:, :, ::-1].copy())
        rows = [] if found is None else found[:, :4].round().astype(int).tolist()
        return [(x, y, x + w, y + h) for x, y, w, h in rows]


def face_finder(model: str) -> YuNet | None:
    """The detector, or None where it is not installed. model: path of the weights, '' for none."""
    try:
        return YuNet(Path(model) if model else None)
    except MissingPart:
        return None
