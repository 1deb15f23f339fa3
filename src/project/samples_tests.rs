use super::*;
use crate::exec::Samples as _;
use crate::graph::DataType;
use crate::note::sentences;
use crate::samples::{InputSpec, Samples};
use std::fs;

/// Makes a folder with these `.npy` files of float32, and opens its samples.
fn open(arrays: &[(&str, &str, &[f32])], calibration: &str, inputs: &[(&str, &[usize])]) -> Result<Samples> {
    let folder = tempfile::tempdir().unwrap();
    for (name, shape, values) in arrays {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.bytes());
        file.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    fs::create_dir_all(folder.path().join("empty")).unwrap();
    fs::write(folder.path().join("notes.txt"), "").unwrap();
    let project = Project::parse(folder.path().join("espq.toml"), format!("[calibration]\n{calibration}"));
    let spec = |&(name, shape): &(&str, &[usize])| InputSpec {
        name: name.into(),
        data_type: DataType::F32,
        shape: shape.to_vec(),
        free: shape
            .iter()
            .enumerate()
            .filter(|(_, length)| **length == 0)
            .map(|(axis, _)| (axis, String::new()))
            .collect(),
    };
    Samples::open(project.samples()?, &inputs.iter().map(spec).collect::<Vec<_>>())
}

const PAIR: &[(&str, &str, &[f32])] = &[("c/b.npy", "(2, 1)", &[2., 3.]), ("c/a.npy", "(1, 1)", &[1.])];

fn values(samples: &Samples) -> Vec<Vec<f32>> {
    let one = |i| samples.sample(i).unwrap().into_iter().map(|t| t.into_vec::<f32>().unwrap()[0]).collect();
    (0..samples.len()).map(one).collect()
}

/// Returns the error without the temporary folder's name.
fn error(arrays: &[(&str, &str, &[f32])], calibration: &str, inputs: &[(&str, &[usize])]) -> String {
    let error = open(arrays, calibration, inputs).err().unwrap().to_string();
    error.split('/').filter(|part| !part.starts_with(".tmp") && *part != "tmp").collect::<Vec<_>>().join("/")
}

#[test]
fn files_are_read_in_order() {
    let samples = open(PAIR, "data = 'c/*.npy'", &[("x", &[1, 1])]).unwrap();
    assert_eq!(values(&samples), [[1.], [2.], [3.]]);
    assert_eq!(samples.files().len(), 2);
}

#[test]
fn at_most_the_configured_number_is_read() {
    let samples = open(PAIR, "data = 'c'\nsamples = 1", &[("x", &[1, 1])]).unwrap();
    assert_eq!(values(&samples), [[1.]]);
    assert_eq!(samples.files().len(), 1);
}

#[test]
fn fewer_samples_than_configured_are_noted() {
    let samples = open(PAIR, "data = 'c'\nsamples = 32", &[("x", &[1, 1])]).unwrap();
    assert_eq!(sentences(samples.notes()), ["found 3 samples, but 32 are configured"]);
}

#[test]
fn each_input_has_its_own_files() {
    let data = "data = { 'b.1' = 'c/b.npy', 'a.1' = 'c/a.npy' }";
    let samples = open(PAIR, data, &[("a.1", &[1, 1]), ("b.1", &[1, 1])]).unwrap();
    assert_eq!(values(&samples), [[1., 2.]]);
    assert_eq!(sentences(samples.notes()), ["the inputs have 1 and 2 samples; only the first 1 of each are used"]);
}

#[test]
fn errors_name_the_file_the_key_and_the_fix() {
    let one: &[(&str, &[usize])] = &[("x", &[1, 1])];
    let two: &[(&str, &[usize])] = &[("left", &[1, 1]), ("right", &[1, 1])];
    let errors = [
        error(&[], "data = 'calib/*.npy'", one),
        error(&[], "data = 'calib.npz'", one),
        error(&[], "data = 'empty'", one),
        error(&[], "data = '*.txt'", one),
        error(PAIR, "data = 'c'", &[("x", &[1, 7])]),
        error(&[("n.npy", "(2, 1)", &[0., f32::INFINITY])], "data = 'n.npy'", one),
        error(&[("n.npy", "(0, 1)", &[])], "data = 'n.npy'", one),
        error(PAIR, "data = 'c'", two),
        error(PAIR, "data = { left = 'c/a.npy', rihgt = 'c/b.npy' }", two),
        error(PAIR, "data = { left = 'c/a.npy' }", two),
    ];
    insta::assert_snapshot!(errors.join("\n\n"));
}

#[test]
fn empty_files_are_named_so() {
    for name in ["n.npy", "n.npz"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), "").unwrap();
        let project = Project::parse(folder.path().join("espq.toml"), format!("[calibration]\ndata = '{name}'"));
        let input = InputSpec { name: "x".into(), data_type: DataType::F32, shape: vec![1, 1], free: Vec::new() };
        let error = Samples::open(project.samples().unwrap(), &[input]).err().unwrap();
        assert_eq!(error.what(), "the file is empty, 0 bytes");
        assert!(error.help().unwrap().starts_with("save it with numpy.save"), "{error}");
    }
}

#[test]
fn the_first_file_tells_the_lengths_that_a_model_leaves_free() {
    let shape = |files: &[(&str, &str, &[f32])], input: &[usize]| {
        let samples = open(files, "data = 'c/*.npy'", &[("x", input)]).unwrap();
        samples.inputs()[0].shape.clone()
    };
    let six = &[1., 2., 3., 4., 5., 6.];
    let of = |text: &'static str, input: &[usize]| shape(&[("c/a.npy", text, six)], input);
    assert_eq!(of("(1, 2, 3)", &[1, 2, 0]), [1, 2, 3]);
    assert_eq!(of("(2, 3)", &[1, 0]), [1, 3]);
    assert_eq!(of("(2, 3)", &[1, 2, 0]), [1, 2, 3]);
    assert_eq!(of("(1, 1, 2, 3)", &[1, 0, 3]), [1, 2, 3]);
    assert_eq!(of("(2, 3)", &[2, 0]), [2, 3]);
    assert_eq!(of("(2, 3)", &[0]), [3]);
    assert_eq!(of("(6,)", &[0]), [6]);
}

#[test]
fn samples_of_two_sizes_fix_nothing() {
    let files: &[(&str, &str, &[f32])] = &[("c/a.npy", "(1, 2)", &[1., 2.]), ("c/b.npy", "(1, 3)", &[1., 2., 3.])];
    let error = open(files, "data = 'c/*.npy'", &[("x", &[1, 0])]).err().unwrap();
    let (what, help) = (error.what(), error.help().unwrap());
    assert!(
        what.starts_with("the array is 1x3, and ") && what.ends_with("a.npy has samples of 1x2 for input `x`"),
        "{what}"
    );
    assert!(help.ends_with("or name it, as input-shape = [1, 2] in [model]"), "{help}");
    assert!(error.file().is_some_and(|file| file.ends_with("b.npy")) && error.key() == Some("calibration.data"));
    let error = open(&files[1..], "data = 'c/*.npy'", &[("x", &[1, 2, 0])]).err().unwrap();
    assert_eq!(error.what(), "the array is 1x3, but input `x` expects 1x2x?");
}
