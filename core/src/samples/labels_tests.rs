use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::graph::DataType;
use crate::samples::{Files, ImageOptions, InputSpec, Request, write_npy};

/// Folder with one array of one element for each file, and a list of labels.
fn folder(files: &[&str], list: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let file = folder.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        array(&file, &[1.0], &[1]);
    }
    fs::write(folder.path().join("labels.csv"), list).unwrap();
    folder
}

fn array(file: &Path, rows: &[f32], shape: &[usize]) {
    let rows: Vec<Tensor> = rows.iter().map(|&value| Tensor::new(shape, vec![value]).unwrap()).collect();
    write_npy(file, &rows.iter().collect::<Vec<_>>(), Some(shape)).unwrap();
}

fn labels(
    folder: &TempDir,
    files: &[&str],
    wanted: usize,
    source: &LabelSource,
    classes: Option<&[&str]>,
) -> Result<Labels> {
    let request = Request {
        files: Files::Shared(files.iter().map(|file| folder.path().join(file)).collect()),
        wanted,
        is_number_named: false,
        image: ImageOptions::default(),
        besides: None,
        table: "accuracy",
        notes: Vec::new(),
    };
    let input = InputSpec { name: "x".to_string(), data_type: DataType::F32, shape: vec![1, 1], free: Vec::new() };
    let classes: Option<Vec<String>> = classes.map(|names| names.iter().map(|name| name.to_string()).collect());
    Samples::open(request, &[input])?.labels(source, classes.as_deref())
}

fn list(folder: &TempDir) -> LabelSource {
    LabelSource::File(folder.path().join("labels.csv"))
}

#[test]
fn folders_are_classes_in_the_order_of_their_names() {
    let files = ["dog/1.npy", "cat/1.npy", "cat/2.npy"];
    let folder = folder(&files, "");
    let of = |wanted, classes| labels(&folder, &files, wanted, &LabelSource::Folders, classes).unwrap();
    assert_eq!(of(9, None), Labels::Classes(vec![1, 0, 0]));
    assert_eq!(of(9, Some(&["dog", "cat"])), Labels::Classes(vec![0, 1, 1]));
    // Of files that are left out, too.
    assert_eq!(of(1, None), Labels::Classes(vec![1]));
}

#[test]
fn one_folder_is_no_class() {
    let files = ["cat/1.npy", "cat/2.npy"];
    let error = labels(&folder(&files, ""), &files, 9, &LabelSource::Folders, None).unwrap_err();
    assert_eq!(
        (error.what(), error.key()),
        ("all samples are in one folder, which is no class", Some("accuracy.labels"))
    );
}

#[test]
fn lines_of_a_list_are_assigned_by_file() {
    let files = ["a/1.npy", "b/1.npy", "2.npy"];
    for text in [
        "a/1.npy,3\nb/1.npy,4\n2.npy,5\n",
        "2.npy;5\nb/1.npy;4\na/1.npy;3",
        "label\tfile\n5\t2.npy\n4\tb/1.npy\n3\ta/1.npy\n",
        "# set of June\nfilename,class\n\"a/1.npy\",3\n./b/1.npy,4\nx/y/2,7\n2,5\n",
        "a/1.npy 3\nb/1.npy 4\n2.npy 5\n",
    ] {
        let folder = folder(&files, text);
        assert_eq!(labels(&folder, &files, 9, &list(&folder), None).unwrap(), Labels::Classes(vec![3, 4, 5]), "{text}");
    }
}

#[test]
fn a_list_of_classes_alone_is_in_the_order_of_the_samples() {
    let files = ["1.npy", "2.npy"];
    let folder = folder(&files, "cat\ndog\n");
    let named = labels(&folder, &files, 9, &list(&folder), Some(&["dog", "cat"]));
    assert_eq!(named.unwrap(), Labels::Classes(vec![1, 0]));
    // The last sample is left out by choice.
    assert_eq!(labels(&folder, &files, 1, &list(&folder), Some(&["dog", "cat"])).unwrap(), Labels::Classes(vec![1]));
}

#[test]
fn samples_without_a_label_and_unknown_classes_are_named() {
    let files = ["1.npy", "2.npy"];
    let of = |text: &str, classes: Option<&[&str]>| {
        let folder = folder(&files, text);
        let error = labels(&folder, &files, 9, &list(&folder), classes).unwrap_err();
        let shown = error.to_string().replace(&folder.path().display().to_string(), "");
        (shown, error.help().unwrap_or_default().to_string())
    };
    insta::assert_debug_snapshot!([
        of("1.npy,0\n", None),
        of("1.npy,cat\n2.npy,dgo\n", Some(&["cat", "dog"])),
        of("1.npy,cat\n2.npy,dog\n", None),
        of("0\n", None),
        of("0\n1\n2\n", None),
    ]);
}

#[test]
fn floats_are_wanted_outputs() {
    let folder = folder(&["1.npy", "2.npy"], "");
    let file = folder.path().join("labels.npy");
    array(&file, &[0.5, -1.0], &[1, 1]);
    let found = labels(&folder, &["1.npy", "2.npy"], 9, &LabelSource::File(file), None);
    assert_eq!(found.unwrap(), Labels::Values(vec![vec![0.5], vec![-1.0]]));
}
