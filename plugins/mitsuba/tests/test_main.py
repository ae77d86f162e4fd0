"""What the command line prints."""

from __future__ import annotations

import io

from quietframe_mitsuba import main
from quietframe_mitsuba.adaptive import Round

DONE = Round(index=0, rounds=2, spp=16.0, predicted_smape=0.1, fallback=None)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_no_escape_codes_in_pipes(monkeypatch):
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    main.show(DONE)
    main.ProgressLine(pipe)(0.5, "round 1 of 2")
    assert pipe.getvalue() == "round 1 of 2: 16.00 spp, predicted SMAPE before 0.1000\n"


def test_clears_the_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    main.show(DONE)
    assert terminal.getvalue().endswith("0.1000\x1b[K\n")


def test_says_which_llvm_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", "/nowhere/libLLVM-15.so.1")
    assert main.main(["cornell-box", "-o", str(tmp_path / "out.exr")]) == 1
    assert "LLVM 16 or newer" in capsys.readouterr().err
