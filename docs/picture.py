#!/usr/bin/env python3
"""Draws a command's coloured output as SVG.

    python3 docs/picture.py docs/report.svg -- cargo run --release --quiet -- report fixtures/digits --color always

The command is run as it stands; the picture is what it printed. Needs only Python.
"""

import html
import pathlib
import re
import subprocess
import sys

LINE, COLUMN, SIZE, MARGIN, BAR = 19, 8.43, 14, 18, 34
COLORS = {"31": "#f2777a", "32": "#8fcf7f", "33": "#f0c674", "36": "#6fb3c9"}


def spans(line):
    """(text, attributes) by style, from one line with ANSI codes."""
    style = ""
    for text, code in re.findall(r"([^\x1b]*)(?:\x1b\[([0-9;]*)m)?", line):
        if text:
            yield text, style
        if code in ("0", ""):
            style = "" if code == "0" else style
        elif code == "1":
            style = ' font-weight="bold" fill="#ffffff"'
        elif code == "2":
            style = ' fill="#8b93a0"'
        elif code in COLORS:
            style = f' fill="{COLORS[code]}"'


def blocks(text, x, y, style):
    """Bars as rectangles: fonts leave gaps between block characters."""
    eighths = sum(" ▏▎▍▌▋▊▉█".index(c) for c in text)
    fill = re.search(r'fill="([^"]*)"', style)
    color = fill.group(1) if fill else "#d6dae0"
    return f'<rect x="{x:.1f}" y="{y - 12:.1f}" width="{eighths / 8 * COLUMN:.2f}" height="13" fill="{color}"/>'


def draw(command, output):
    lines = [f"\x1b[32m$\x1b[0m {command}"] + output.rstrip("\n").split("\n")
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    width = 2 * MARGIN + max(map(len, plain)) * COLUMN
    height = BAR + 2 * MARGIN + (len(lines) - 1) * LINE
    body = []
    for row, line in enumerate(lines):
        x, y = MARGIN, BAR + MARGIN + row * LINE
        for text, style in spans(line):
            if re.fullmatch("[▏▎▍▌▋▊▉█]+", text):
                body.append(blocks(text, x, y, style))
            else:
                # Runs of words, each at its column: browsers collapse spaces, whatever they are told.
                for run in re.finditer(r"\S+(?: \S+)*", text):
                    at, length = x + run.start() * COLUMN, len(run.group()) * COLUMN
                    body.append(f'<text x="{at:.1f}" y="{y}" textLength="{length:.1f}"{style}>{html.escape(run.group())}</text>')
            x += len(text) * COLUMN
    dots = "".join(f'<circle cx="{20 + 18 * i}" cy="17" r="5.5" fill="{c}"/>' for i, c in enumerate(("#ff5f57", "#febc2e", "#28c840")))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}">\n'
        f'<rect width="100%" height="100%" rx="8" fill="#1c2128"/>\n{dots}\n'
        f'<g font-family="ui-monospace, SFMono-Regular, Menlo, DejaVu Sans Mono, monospace" font-size="{SIZE}" fill="#d6dae0">\n'
        + "\n".join(body) + "\n</g>\n</svg>\n"
    )


def main():
    if len(sys.argv) < 4 or sys.argv[2] != "--":
        sys.exit(__doc__)
    file, command = pathlib.Path(sys.argv[1]), sys.argv[3:]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    # What a person types: the installed program, without the colours that a terminal has by itself.
    arguments = command[command.index("--") + 1 :] if "--" in command else command[1:]
    shown = ["espq"] + arguments
    file.write_text(draw(" ".join(shown).replace(" --color always", ""), output))


if __name__ == "__main__":
    main()
