"""What Python's fileseq makes of frame ranges and of paddings: the oracle of `quietframe sequence`.

Usage: fileseq_oracle.py, which writes test/golden/frames/fileseq.json anew.
"""

import json
from decimal import Decimal
from pathlib import Path

from fileseq import FileSequence, FrameSet, constants

GOLDEN = Path(__file__).parents[1] / "golden" / "frames" / "fileseq.json"
RANGES = (
    "3 007 -5 1-1 1-10 1-0010 -3-3 -2--1 1,3,7-9 1-7x3 1-100:10 1-10:3 1-10y3 1-10y20 1-10x20 5-5x9 1-5,3-8 3,3,1 "
    "10-1 10-1x3 10-1x-3 10-1y3 10-1y-3 10-1:-3 3--3x2 -9--1x4,0 1001-1096x10,1100 1-20x5,2-20y6"
).split()
REFUSED = "1-10x-3 1-10x0 1-10:0 1-10y0 1-3-5 --5 +3 1-3x x3 a-b 1-3z2 1_3 1-10y1".split()
# Paddings whose `#` is one digit, as Nuke's and this project's.
NAMES = (
    "s.####.exr s.%04d.exr s.$F4.exr s.@@@@.exr s.%d.exr s.$F.exr s.#.exr s.@.exr s.%4d.exr s.%0d.exr s.%06d.exr "
    "s####.exr ####.exr"
).split()
NUMBERS = (0, 7, 123, 12345, 1234567, -3, -120, -12345)


def frames_of(text: str) -> list[int] | None:
    """Frames of a range, ascending; None where fileseq refuses it or it has none."""
    try:
        frames = list(FrameSet(text))
    except Exception:  # noqa: BLE001 (fileseq has no common base of its errors)
        return None
    assert not any(isinstance(frame, Decimal) for frame in frames), text
    return sorted(frames) or None


def names_of(pattern: str, numbers: list[int]) -> list[str]:
    sequence = FileSequence(pattern, pad_style=constants.PAD_STYLE_HASH1)
    return [sequence.frame(number) for number in numbers]


def golden() -> dict[str, object]:
    return {
        "ranges": {text: frames_of(text) for text in [*RANGES, *REFUSED]},
        "numbers": list(NUMBERS),
        "names": {pattern: names_of(pattern, list(NUMBERS)) for pattern in NAMES},
    }


def text_of(value: dict[str, object]) -> str:
    return json.dumps(value, separators=(",", ":")).replace('],"', '],\n"').replace('{"', '{\n"') + "\n"


if __name__ == "__main__":
    GOLDEN.write_text(text_of(golden()))
