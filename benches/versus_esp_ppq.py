#!/usr/bin/env python3
"""espq and esp-ppq side by side: time and memory, one machine, one run.

    python benches/versus_esp_ppq.py PROJECT/espq.toml --python VENV/bin/python

Both take the model, the samples, the target and the precision that the project names, quantize,
and make both error tables over 9 samples; then both export. esp-ppq (PyPI, 1.3.12) runs at
OMP_NUM_THREADS 1 and 2, and its better total counts; counted are its calls alone, not
Python's start. espq is counted as whole processes: `report` on an empty store, then `export` on
what that has left there, with a run before esp-ppq's and the others after, the best one counting
on both sides. Memory is the peak resident set of the report, as the kernel tells it; esp-ppq's is
taken before its export.

With --forward, the float forward pass instead: espq (`cargo bench --bench forward`, built by
this script) and ONNX Runtime in turns, one thread each.

Needs Python 3.11 (tomllib); for the other side, a Python with esp-ppq, or with onnxruntime.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib

ANALYSIS_SAMPLES = 9
QUANT_TYPES = {"int8": "w8a8", "int16": "w16a16", "w8a16": "w8a16"}
ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=pathlib.Path, help="an espq.toml whose calibration data is one .npz or .npy file")
    parser.add_argument("--python", default=sys.executable, help="a Python with esp-ppq installed (default: this one)")
    parser.add_argument("--espq", type=pathlib.Path, default=ROOT / "target/release/espq")
    parser.add_argument("--runs", type=int, default=3, help="runs of espq (default 3); esp-ppq runs once a thread setting")
    parser.add_argument("--forward", action="store_true", help="the float forward pass against ONNX Runtime")
    parser.add_argument("--esp-ppq-worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--onnxruntime-worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.esp_ppq_worker:
        return esp_ppq_worker(options.project)
    if options.onnxruntime_worker:
        return onnxruntime_worker(options.project)
    return forward(options) if options.forward else whole(options)


def read_project(path):
    """Model, samples file, and what else both sides are given."""
    config = tomllib.loads(path.read_text())
    model, calibration = config["model"], config["calibration"]
    return {
        "model": path.parent / model["path"], "data": path.parent / calibration["data"], "samples": calibration.get("samples"),
        "method": calibration.get("method"), "target": model["target"], "precision": model.get("precision", "int8"),
        "layers": config.get("precision", {}),
    }


# ---- the whole job -------------------------------------------------------------------------


def whole(options):
    project = read_project(options.project)
    print(f"{project['model']}, {project['target']}, {project['precision']}; load average {os.getloadavg()[0]:.2f} before")
    ours = [run_espq(options)]
    theirs = {threads: run_esp_ppq(options, threads) for threads in (1, 2)}
    ours += [run_espq(options) for _ in range(options.runs - 1)]
    best_threads = min(theirs, key=lambda t: theirs[t]["whole"])
    espq, esp_ppq = min(ours, key=lambda r: r["whole"]), theirs[best_threads]
    print(f"load average {os.getloadavg()[0]:.2f} after; espq {espq['version']}, {len(ours)} runs: "
          + ", ".join(f"{r['whole']:.2f}" for r in ours) + " s; esp-ppq "
          + ", ".join(f"{r['whole']:.1f} s at {t} thread{'s' * (t > 1)}" for t, r in theirs.items()) + "\n")
    header = ("", f"esp-ppq ({best_threads} thr.)", "espq", "ratio")
    rows = [(name, esp_ppq[key], espq[key], "s") for name, key in
            (("load and calibrate", "quantize"), ("graphwise", "graphwise"), ("layerwise", "layerwise"), ("whole", "whole"),
             ("export", "export"), ("whole with export", "exported"))]
    rows.append(("peak memory", esp_ppq["memory"] / 2**20, espq["memory"] / 2**20, "MiB"))
    print(f"{header[0]:20}{header[1]:>18}{header[2]:>14}{header[3]:>10}")
    for name, a, b, unit in rows:
        ratio = f"{a / b:.1f}x" if b > 0 else "-"
        print(f"{name:20}{a:>14.2f} {unit:3}{b:>10.3f} {unit:3}{ratio:>10}")
    print("\nespq's whole is its process from start to end; esp-ppq's is the sum of its calls.")
    return 0


def child(command, environment=None):
    """Runs to the end: standard output, seconds, peak resident set in bytes. What it says beside is shown where it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=said, env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{said.read().decode()}\nexit status {process.returncode}: {' '.join(map(str, command))}")
        out.seek(0)
        return out.read().decode(), seconds, usage.ru_maxrss * 1024


def run_espq(options):
    with tempfile.TemporaryDirectory() as folder:
        store = ["--cache-dir", f"{folder}/store"]
        text, seconds, memory = child([options.espq, "report", options.project, "--format", "json", *store])
        _, export, _ = child([options.espq, "export", options.project, "-o", folder, "--force", *store])
    report = json.loads(text)
    phases = report["seconds"]
    version, *_ = child([options.espq, "--version"])
    if report["analysis_samples"] != ANALYSIS_SAMPLES:
        raise SystemExit(f"espq looked at {report['analysis_samples']} samples, not {ANALYSIS_SAMPLES}")
    return {
        "quantize": phases["load"] + phases["calibrate"], "graphwise": phases["graphwise"], "layerwise": phases["layerwise"],
        "whole": seconds, "export": export, "exported": seconds + export, "memory": memory, "version": version.split()[-1],
    }


def run_esp_ppq(options, threads):
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    text, *_ = child([options.python, __file__, options.project, "--esp-ppq-worker"], limits)
    found = json.loads(text.splitlines()[-1])
    whole = sum(found[phase] for phase in ("quantize", "graphwise", "layerwise"))
    return {**found, "whole": whole, "exported": whole + found["export"]}


def esp_ppq_worker(path):
    """In esp-ppq's Python: prints the seconds of each call, and the peak of memory in bytes, as the last line."""
    import resource
    import shutil

    import numpy as np
    import onnx
    import torch
    import esp_ppq.lib as PFL
    from esp_ppq.api import espdl_quantize_onnx, get_target_platform
    from esp_ppq.api.setting import QuantizationSettingFactory
    from esp_ppq.quantization.analyse import graphwise_error_analyse
    from esp_ppq.quantization.analyse.layerwise import layerwise_error_analyse

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    project = read_project(path)
    quant_type = QUANT_TYPES[project["precision"]]
    setting = QuantizationSettingFactory.espdl_setting(num_of_bits=8 if quant_type == "w8a8" else 16)
    if project["method"]:
        setting.quantize_activation_setting.calib_algorithm = project["method"]
    for layer, precision in project["layers"].items():
        setting.dispatching_table.append(layer, get_target_platform(project["target"], QUANT_TYPES[precision]))
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "model.onnx"
        shutil.copy(project["model"], copy)
        names, shapes = model_inputs(onnx.load(copy))
        batches = load_batches(np, torch, project, names, shapes)
        seconds, start = {}, time.perf_counter()
        graph = espdl_quantize_onnx(
            onnx_import_file=str(copy), espdl_export_file=str(copy.with_suffix(".espdl")), calib_dataloader=batches,
            calib_steps=len(batches), input_shape=shapes if len(shapes) > 1 else shapes[0],
            inputs=[batches[0]] if torch.is_tensor(batches[0]) else batches[0], target=project["target"],
            quant_type=quant_type, setting=setting, collate_fn=lambda x: x, device="cpu", error_report=False, skip_export=True, verbose=0,
        )
        seconds["quantize"] = time.perf_counter() - start
    common = dict(graph=graph, running_device="cpu", dataloader=batches, collate_fn=lambda x: x, steps=ANALYSIS_SAMPLES - 1, verbose=False)
    for phase, analyse in (("graphwise", graphwise_error_analyse), ("layerwise", layerwise_error_analyse)):
        start = time.perf_counter()
        analyse(**common)
        seconds[phase] = time.perf_counter() - start
    # In KiB, as Linux has it.
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        platform = get_target_platform(project["target"], quant_type)
        PFL.Exporter(platform=platform).export(file_path=f"{folder}/model.espdl", graph=graph, values_for_test=None, export_config=True)
        seconds["export"] = time.perf_counter() - start
    print("\n" + json.dumps({**seconds, "memory": memory}))
    return 0


def model_inputs(model):
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in constants]
    return [i.name for i in inputs], [[d.dim_value for d in i.type.tensor_type.shape.dim] for i in inputs]


def load_batches(np, torch, project, names, shapes):
    data = np.load(project["data"])
    arrays = [data] if isinstance(data, np.ndarray) else [data[n] for n in (names if set(data.files) == set(names) else data.files)]
    count = min(len(a) for a in arrays)
    rows = []
    for i in range(min(count, project["samples"] or count)):
        row = {n: torch.from_numpy(np.ascontiguousarray(a[i])).float().reshape(s) for n, a, s in zip(names, arrays, shapes)}
        rows.append(next(iter(row.values())) if len(row) == 1 else row)
    return rows


# ---- the float forward pass -----------------------------------------------------------------


def forward(options):
    """Both stay loaded and run one block after the other, so that both see the same machine."""
    cargo = subprocess.run(["cargo", "bench", "--no-run", "--bench", "forward", "--message-format", "json"], cwd=ROOT, check=True, capture_output=True, text=True)
    built = [json.loads(line) for line in cargo.stdout.splitlines() if line.startswith("{")]
    program = next(m["executable"] for m in built if m.get("executable") and m["target"]["name"] == "forward")
    one = {**os.environ, "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    pipe = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=one)
    sides = {
        "ONNX Runtime": subprocess.Popen([options.python, __file__, str(options.project), "--onnxruntime-worker"], **pipe),
        "espq": subprocess.Popen([program, "--serve", str(read_project(options.project)["model"])], **pipe),
    }
    times = {name: [] for name in sides}
    for _ in range(12):
        for name, process in sides.items():
            process.stdin.write("20\n")
            process.stdin.flush()
            times[name].append(float(process.stdout.readline()))
    for process in sides.values():
        process.stdin.close()
        process.wait()
    print(f"{read_project(options.project)['model']}: milliseconds a forward pass, one thread each, 12 blocks of 20 in turns")
    for name, values in times.items():
        print(f"{name:14} best {min(values):8.3f}   median {statistics.median(values):8.3f}")
    best = min(times["espq"]) / min(times["ONNX Runtime"])
    print(f"espq / ONNX Runtime: best {best:.2f}, median {statistics.median(times['espq']) / statistics.median(times['ONNX Runtime']):.2f}")
    return 0


def onnxruntime_worker(path):
    """Reads a count a line, answers with the mean milliseconds of so many passes."""
    import numpy as np
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(read_project(path)["model"]), settings, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    feed = {i.name: rng.normal(size=i.shape).astype(np.float32) for i in session.get_inputs()}
    session.run(None, feed)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            session.run(None, feed)
        print((time.perf_counter() - start) * 1000 / int(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
