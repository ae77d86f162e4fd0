"""Frame ranges of the built `quietframe` against Python's fileseq, beyond the committed examples."""

import json
import random
import subprocess
from pathlib import Path

from fileseq_oracle import GOLDEN, frames_of, golden, text_of

HERE = Path(__file__).parent


def test_the_committed_examples_are_those_of_this_fileseq() -> None:
    assert GOLDEN.read_text() == text_of(golden())


def one_range(source: random.Random) -> str:
    number = lambda: str(source.choice([source.randint(-30, 30), source.randint(-2000, 2000)]))  # noqa: E731
    text = number()
    if source.random() < 0.8:
        text += f"-{number()}"
        if source.random() < 0.7:
            text += source.choice("xy:") + str(source.choice([1, 2, 3, 7, 50, -2, 0]))
    return text


def test_random_ranges_have_the_frames_of_fileseq() -> None:
    source = random.Random(7)
    texts = [",".join(one_range(source) for _ in range(source.choice([1, 1, 2, 4]))) for _ in range(500)]
    answer = subprocess.run(
        ["node", str(HERE / "frames-of.mjs")], input=json.dumps(texts), capture_output=True, check=True, text=True
    )
    ours = json.loads(answer.stdout)
    expected = [frames_of(text) for text in texts]
    assert sum(frames is not None for frames in expected) > 250
    assert {t: o for t, o, e in zip(texts, ours, expected, strict=True) if o != e} == {}
