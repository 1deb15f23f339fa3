//! Readers under test, with the fixtures from which their inputs are made.

use std::path::{Path, PathBuf};

use espq::chip::Target as Chip;
use espq::espdl::{self, Entry};
use espq::graph::DataType;
use espq::lint::{Facts, Safety, apply, check};
use espq::project::{Project, cursor};
use espq::runtime::compatibility;
use espq::samples::{Files, ImageOptions, InputSpec, Request, Samples};
use espq::simplify::simplify;
use espq::{engine, model};
use prost::bytes::Bytes;

use crate::run::Target;

/// Returns the fixtures with an ending, of at most this many bytes: in small inputs, a mutation changes more.
fn fixtures(ending: &str, longest: u64) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), &mut files);
    files.retain(|file| file.to_string_lossy().ends_with(ending) && file.metadata().unwrap().len() <= longest);
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

/// Makes a folder, in memory if the system supports it, since a million inputs are a million files.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn answer<T>(result: espq::Result<T>) -> String {
    result.map_or_else(|error| error.what().to_string(), |_| "ok".to_string())
}

/// ONNX models, read and simplified.
pub struct Onnx {
    /// Folder without files, so that no external data is found.
    folder: tempfile::TempDir,
}

impl Onnx {
    pub fn new() -> Onnx {
        Onnx { folder: folder() }
    }
}

impl Target for Onnx {
    fn name(&self) -> &'static str {
        "onnx"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        fixtures(".onnx", 4200)
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[
            b"Conv",
            b"Gemm",
            b"MatMul",
            b"Reshape",
            b"Slice",
            b"Concat",
            b"Split",
            b"Gather",
            b"Resize",
            b"LSTM",
            b"GRU",
            b"Pad",
            b"MaxPool",
            b"Transpose",
            b"Squeeze",
            b"Unsqueeze",
            b"Expand",
            b"Tile",
            b"Range",
            b"ConstantOfShape",
            b"axis",
            b"axes",
            b"perm",
            b"pads",
            b"strides",
            b"dilations",
            b"kernel_shape",
            b"group",
            b"\x80\x80\x80\x80\x10",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ]
    }

    fn read(&self, input: &[u8]) -> String {
        let path = self.folder.path().join("model.onnx");
        answer(model::import(&path, &Bytes::copy_from_slice(input).into()).and_then(simplify))
    }
}

/// TensorFlow Lite's models, read and simplified.
pub struct TfLite;

impl Target for TfLite {
    fn name(&self) -> &'static str {
        "tflite"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        fixtures(".tflite", 20 << 10)
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[
            b"TFL3",
            b"\xff\xff\xff\xff",
            b"\xff\xff\xff\x7f",
            b"\0\0\0\x80",
            b"\0\0\0\x10",
            b"\x01\0\0\0",
            b"\x04\0\0\0",
            b"\x7f\x7f",
            b"\0\0",
        ]
    }

    fn read(&self, input: &[u8]) -> String {
        answer(model::import(Path::new("model.tflite"), &Bytes::copy_from_slice(input).into()).and_then(simplify))
    }
}

/// Archives of torch.export, read and simplified.
pub struct Pt2;

impl Target for Pt2 {
    fn name(&self) -> &'static str {
        "pt2"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        fixtures(".pt2", 30 << 10)
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"../", b"weight_0", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x08\0"]
    }

    fn read(&self, input: &[u8]) -> String {
        answer(model::import(Path::new("model.pt2"), &Bytes::copy_from_slice(input).into()).and_then(simplify))
    }
}

/// Programs of torch.export: their JSON is mutated, in an archive that is whole.
pub struct Pt2Program {
    archives: Vec<Parts>,
}

/// Parts of an archive.
struct Parts {
    /// JSON of the program.
    program: Vec<u8>,
    /// Other entries by name.
    others: Vec<(String, Vec<u8>)>,
}

impl Pt2Program {
    pub fn new() -> Pt2Program {
        Pt2Program { archives: fixtures(".pt2", 80 << 10).iter().map(|bytes| parts(bytes)).collect() }
    }
}

/// Separates the program of an archive from its other entries; its metadata are left out, to make the input small.
fn parts(bytes: &[u8]) -> Parts {
    use std::io::Read;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let (mut others, mut program) = (Vec::new(), Vec::new());
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let (name, mut data) = (entry.name().unwrap().into_owned(), Vec::new());
        entry.read_to_end(&mut data).unwrap();
        match name.contains("/models/") {
            true => program = data,
            false => others.push((name, data)),
        }
    }
    let mut json: serde_json::Value = serde_json::from_slice(&program).unwrap();
    for node in json["graph_module"]["graph"]["nodes"].as_array_mut().unwrap() {
        node["metadata"] = serde_json::json!({});
    }
    Parts { program: serde_json::to_vec(&json).unwrap(), others }
}

impl Target for Pt2Program {
    fn name(&self) -> &'static str {
        "pt2_program"
    }

    /// The first byte chooses the archive.
    fn seeds(&self) -> Vec<Vec<u8>> {
        let seed = |(at, parts): (usize, &Parts)| [&[at as u8], parts.program.as_slice()].concat();
        self.archives.iter().enumerate().map(seed).collect()
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[
            b"\"as_int\"",
            b"\"as_ints\"",
            b"\"as_tensor\"",
            b"\"as_tensors\"",
            b"\"as_none\": true",
            b"\"as_float\": \"nan\"",
            b"{\"as_expr\": {\"expr_str\": \"s0*2\"}}",
            b"torch.ops.aten.view.default",
            b"torch.ops.aten.slice.Tensor",
            b"torch.ops.aten.relu_.default",
            b"torch.ops.aten.pad.default",
            b"torch.ops.aten.expand.default",
            b"9223372036854775807",
            b"-9223372036854775808",
            b"-1",
            b"268435456",
            b"[]",
            b"null",
            b"\"dim\"",
            b"\"self\"",
            b",",
        ]
    }

    fn read(&self, input: &[u8]) -> String {
        use std::io::Write;
        let Some((first, program)) = input.split_first() else { return "empty".to_string() };
        let Parts { others, .. } = &self.archives[usize::from(*first) % self.archives.len()];
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, data) in others
            .iter()
            .map(|(name, data)| (name.as_str(), data.as_slice()))
            .chain([("model/models/model.json", program)])
        {
            archive.start_file(name, stored).unwrap();
            archive.write_all(data).unwrap();
        }
        let bytes = archive.finish().unwrap().into_inner();
        answer(model::import(Path::new("model.pt2"), &Bytes::from(bytes).into()).and_then(simplify))
    }
}

/// Configurations: read, linted, fixed, and used for completion.
pub struct Configuration {
    folder: tempfile::TempDir,
}

impl Configuration {
    pub fn new() -> Configuration {
        Configuration { folder: folder() }
    }
}

impl Target for Configuration {
    fn name(&self) -> &'static str {
        "espq_toml"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        fixtures("espq.toml", 4096)
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[
            b"[model]\n",
            b"[calibration]\n",
            b"[calibration.image]\n",
            b"[calibration.methods]\n",
            b"[analysis]\n",
            b"[limits]\n",
            b"[lint]\n",
            b"[export]\n",
            b"[precision]\n",
            b"path = ",
            b"target = ",
            b"precision = ",
            b"data = ",
            b"samples = ",
            b"size = ",
            b"mean = ",
            b"std = ",
            b"select = ",
            b"exclude = ",
            b"output-nsr = ",
            b"\"int16\"",
            b"\"10%\"",
            b"9223372036854775808",
            b"1e999",
            b"nan",
            b"{ \"x\" = 1 }",
            b"[[",
            b"\"\"\"",
            b"'''",
            b"\\u0000",
            b"\xef\xbb\xbf",
            b"\r\n",
            b"1979-05-27",
            b"\"a\".\"b\" = ",
        ]
    }

    fn read(&self, input: &[u8]) -> String {
        // Files that are not UTF-8 are refused before anything is parsed.
        let text = String::from_utf8_lossy(input);
        let project = Project::parse(self.folder.path().join("espq.toml"), text.as_ref());
        for at in (0..text.len() + 1).step_by(1 + text.len() / 50) {
            cursor::at(&text, at);
        }
        let findings = check(&Facts::of(&project));
        for finding in &findings {
            assert!(text.get(finding.span.clone()).is_some(), "the span of {finding:?} is not in the text");
        }
        let fixed = apply(&text, &findings, Safety::Unsafe);
        Project::parse("espq.toml", fixed.text);
        let messages: Vec<&str> = project.problems.iter().map(|problem| problem.message.as_str()).collect();
        if messages.is_empty() { "ok".to_string() } else { messages.join(" ") }
    }
}

/// ESP-DL's files: read, checked against the runtime, summarized, printed, compared, and written again.
pub struct Espdl;

impl Espdl {
    pub fn new() -> Espdl {
        Espdl
    }
}

impl Target for Espdl {
    fn name(&self) -> &'static str {
        "espdl"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        fixtures(".espdl", 16 << 10)
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[b"EDL1", b"EDL2", b"PDL1", b"PDL2", b"PDL3", b"Conv", b"Gemm", b"Relu", b"MaxPool", b"quant_type", b"axis"]
    }

    fn read(&self, input: &[u8]) -> String {
        let file = match espdl::open(input, None) {
            Ok(file) => file,
            Err(error) => return error.what().to_string(),
        };
        engine::inspect::summarize(&file, None);
        file.entries.iter().map(examine).collect::<Vec<_>>().join(" ")
    }
}

fn examine(entry: &Entry) -> String {
    let mut answers: Vec<String> = Vec::new();
    for chip in [Chip::Esp32p4, Chip::Esp32s3, Chip::C] {
        answers.extend(
            compatibility::check(entry, chip, espq::chip::Runtime::KNOWN)
                .into_iter()
                .map(|incompatibility| incompatibility.what),
        );
    }
    let Ok(written) = espdl::write(&entry.model) else { return "not written".to_string() };
    let model = espdl::read(&written).expect("a written file can be read");
    assert!(espdl::write(&model).is_ok_and(|again| again == written), "writing changes the model");
    assert!(espdl::diff::diff(&model, &entry.model).is_empty(), "the written model differs");
    answers.extend(espdl::info::info(&model).err().map(|error| error.what().to_string()));
    if answers.is_empty() { "ok".to_string() } else { answers.join(" ") }
}

/// NumPy's files as samples of two small inputs.
pub struct Arrays {
    ending: &'static str,
    folder: tempfile::TempDir,
}

impl Arrays {
    pub fn npy() -> Arrays {
        Arrays { ending: "npy", folder: folder() }
    }

    pub fn npz() -> Arrays {
        Arrays { ending: "npz", folder: folder() }
    }
}

/// Makes an array in the format of `numpy.save`.
fn array(description: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{description}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(data);
    bytes
}

/// Makes an archive of one array in the format of `numpy.savez`.
fn archive(array: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, method) in [("x", zip::CompressionMethod::Stored), ("y", zip::CompressionMethod::Deflated)] {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(array).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

impl Target for Arrays {
    fn name(&self) -> &'static str {
        self.ending
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let arrays = [
            array("<f4", "(3, 1, 4)", &[0; 48]),
            array(">f8", "(2, 4)", &[0; 64]),
            array("|u1", "(4,)", &[1; 4]),
            array("<f2", "(1, 1, 4)", &[0; 8]),
            array("<i8", "(2, 1, 4)", &[0; 64]),
        ];
        match self.ending {
            "npz" => arrays.iter().map(|array| archive(array)).chain(fixtures(".npz", 1300)).collect(),
            _ => arrays.into_iter().chain(fixtures(".npy", 8192)).collect(),
        }
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[
            b"'descr'",
            b"'fortran_order'",
            b"'shape'",
            b"True",
            b"False",
            b"<f4",
            b">f8",
            b"|u1",
            b"|b1",
            b"<f2",
            b"<U4",
            b"|O",
            b"(1, 4)",
            b"(2, 1, 4)",
            b"(18446744073709551615, 4)",
            b"(0, 4)",
            b"(-1, 4)",
            b"(4611686018427387904, 1, 4)",
            b"PK\x01\x02",
            b"PK\x03\x04",
            b"PK\x05\x06",
        ]
    }

    fn read(&self, input: &[u8]) -> String {
        let file = self.folder.path().join(format!("samples.{}", self.ending));
        std::fs::write(&file, input).unwrap();
        let spec = |name: &str, data_type| InputSpec {
            name: name.to_string(),
            data_type,
            shape: vec![1, 4],
            free: Vec::new(),
        };
        let mut inputs = vec![spec("x", DataType::F32)];
        if self.ending == "npz" {
            inputs.push(spec("y", DataType::I64));
        }
        let request = Request {
            files: Files::Shared(vec![file]),
            wanted: 8,
            is_number_named: true,
            image: ImageOptions::default(),
            besides: None,
            table: "calibration",
            notes: Vec::new(),
        };
        answer(Samples::open(request, &inputs))
    }
}
