"""What the Python client gets for parameters: a JSON list of answers for a JSON list of parameters.

Usage: choices.py ORIGIN FRAME.exr '[{"wrap": "x"}, ...]'
"""

import json
import sys
from pathlib import Path

from quietframe import Client, Problem

client = Client(sys.argv[1], attempts=1)
frame = Path(sys.argv[2]).read_bytes()
answers = []
for parameters in json.loads(sys.argv[3]):
    try:
        answers.append({"report": client.denoise(frame, **parameters).report})
    except Problem as problem:
        answers.append({"code": problem.code, "detail": problem.document["detail"]})
print(json.dumps(answers))
