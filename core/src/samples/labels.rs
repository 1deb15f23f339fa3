//! Labels of samples: from the folders of their files, from a list, or from an array.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::graph::Tensor;
use crate::text::{nearest, units};
use crate::{Error, Result, file};

use super::format::Format;
use super::opening::unread;
use super::{Samples, npy, npz};

/// Longest list of labels that is read, in bytes.
const LONGEST: u64 = 1 << 30;

/// Source of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelSource {
    /// The folder of a sample's file is its class.
    Folders,
    /// A `.csv` or `.txt` file with a line for each sample, or a `.npy` array.
    File(PathBuf),
    /// An array in the `.npz` files of the samples.
    Array(String),
}

/// Labels of samples, in their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// Class of each sample, as a place in the network's output.
    Classes(Vec<usize>),
    /// Values that the network should output for each sample.
    Values(Vec<Vec<f32>>),
}

impl Labels {
    /// Returns the number of labels.
    pub fn len(&self) -> usize {
        match self {
            Labels::Classes(classes) => classes.len(),
            Labels::Values(values) => values.len(),
        }
    }

    /// Returns `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn truncate(&mut self, count: usize) {
        match self {
            Labels::Classes(classes) => classes.truncate(count),
            Labels::Values(values) => values.truncate(count),
        }
    }
}

impl Samples {
    /// Returns the labels of the samples. `classes` are the names of the network's classes in the order of its output; without
    /// them, those of folders are sorted, as torchvision and Keras do. Fails if a sample has no label.
    pub fn labels(&self, source: &LabelSource, classes: Option<&[String]>) -> Result<Labels> {
        let labels = match source {
            LabelSource::Folders => self.of_folders(classes),
            LabelSource::File(file) => match Format::of(file) {
                Some(Format::Npy) => npy::array(file).and_then(labels_of).and_then(|labels| self.counted(labels)),
                _ => self.of_list(file, classes),
            }
            .map_err(|e| unread(e, file)),
            LabelSource::Array(name) => self.of_arrays(name),
        };
        labels.map_err(|e| e.at_key("labels").in_table("accuracy"))
    }

    /// Returns the classes of all files and those of the samples, if the folders of the files look like classes: at least two,
    /// each with files.
    pub fn folders(&self) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
        let names = |files: &[PathBuf]| files.iter().filter_map(|file| folder(file)).collect::<BTreeSet<String>>();
        let (all, used) = (names(&self.found), names(&self.origins));
        (all.len() > 1).then_some((all, used))
    }

    fn of_folders(&self, classes: Option<&[String]>) -> Result<Labels> {
        let sorted: Vec<String> = match (classes, self.folders()) {
            (Some(classes), _) => classes.to_vec(),
            (None, Some((all, _))) => all.into_iter().collect(),
            (None, None) => {
                let help = "put the samples of each class into a folder with its name, or name a file of labels: \
                            labels = \"labels.csv\"";
                return Err(Error::new("all samples are in one folder, which is no class").with_help(help));
            }
        };
        let class = |file: &PathBuf| class(&folder(file).unwrap_or_default(), &sorted).map_err(|e| e.in_file(file));
        Ok(Labels::Classes(self.origins.iter().map(class).collect::<Result<_>>()?))
    }

    fn of_list(&self, file: &Path, classes: Option<&[String]>) -> Result<Labels> {
        let text = file::text(file, LONGEST)?;
        let classes = classes.unwrap_or_default();
        let rows = List::parse(&text);
        if rows.names.is_empty() {
            let labels = rows.labels.iter().map(|label| class(label, classes)).collect::<Result<_>>()?;
            return self.counted(Labels::Classes(labels));
        }
        let by_name: HashMap<&str, &str> = rows.names.iter().copied().zip(rows.labels.iter().copied()).collect();
        let found: Vec<Option<&str>> = self.origins.iter().map(|origin| label_of(origin, &by_name)).collect();
        if let Some(first) = found.iter().position(Option::is_none) {
            let (missing, all) = (found.iter().filter(|label| label.is_none()).count(), found.len());
            let sample = self.origins[first].display(); // found has one entry per origin
            let what = format!("has no label for {sample}, and for {missing} of {all} samples");
            return Err(Error::new(what)
                .with_help("a line is a sample's file and its class: `cat/001.jpg,3`; or has the class alone, in the order of the samples"));
        }
        Ok(Labels::Classes(found.into_iter().flatten().map(|label| class(label, classes)).collect::<Result<_>>()?))
    }

    fn of_arrays(&self, name: &str) -> Result<Labels> {
        let mut all: Option<Labels> = None;
        for file in &self.files {
            if Format::of(file) != Some(Format::Npz) {
                let what = format!("`{name}` would be an array in .npz files, and the samples are not in such files");
                let help =
                    "labels = \"folders\" takes the folders of the samples' files, labels = \"labels.csv\" a list";
                return Err(Error::new(what).with_help(help));
            }
            let mut labels = npz::array(file, name).and_then(labels_of).map_err(|e| unread(e, file))?;
            let count = self.origins.iter().filter(|origin| *origin == file).count();
            if labels.len() < count {
                let what = format!("array `{name}` has {} for {count} samples", units::count(labels.len(), "label"));
                return Err(Error::new(what).with_help("save one label for each sample").in_file(file));
            }
            labels.truncate(count);
            match (&mut all, labels) {
                (None, labels) => all = Some(labels),
                (Some(Labels::Classes(all)), Labels::Classes(more)) => all.extend(more),
                (Some(Labels::Values(all)), Labels::Values(more)) => all.extend(more),
                _ => {
                    let what = format!("array `{name}` has integers here and floats in a file before");
                    return Err(Error::new(what).with_help("save all labels as one type").in_file(file));
                }
            }
        }
        all.ok_or_else(|| Error::new("there are no samples"))
    }

    /// Checks that labels in the order of the samples are as many.
    fn counted(&self, mut labels: Labels) -> Result<Labels> {
        let (count, samples) = (labels.len(), self.length);
        // A configured number of samples leaves the last ones out.
        if count < samples || (count > samples && samples < self.wanted) {
            let what = format!("has {} for {}", units::count(count, "label"), units::count(samples, "sample"));
            return Err(Error::new(what).with_help("give one label for each sample, in the order of the samples"));
        }
        labels.truncate(samples);
        Ok(labels)
    }
}

/// Returns the name of the folder of a file.
fn folder(file: &Path) -> Option<String> {
    Some(file.parent()?.file_name()?.to_string_lossy().into_owned())
}

/// Classes that a message names.
const NAMED: usize = 5;

/// Returns the place of a class, written as its name or its number.
fn class(label: &str, classes: &[String]) -> Result<usize> {
    if let Some(place) = classes.iter().position(|class| class == label) {
        return Ok(place);
    }
    if let Ok(number) = label.parse() {
        return Ok(number);
    }
    let error = Error::new(format!("class `{label}` is not among the network's classes"));
    Err(match nearest(label, classes.iter().map(String::as_str)) {
        _ if classes.is_empty() => {
            error.with_help("name the classes in the order of the network's output: classes = [\"cat\", \"dog\"], or classes = \"labels.txt\"")
        }
        Some(near) => error.with_help(format!("did you mean `{near}`?")),
        None => error.with_help(format!("they are {}", units::and_more(classes, NAMED))),
    })
}

/// Returns the label of a sample's file: by its path, or as much of the path's end as the list has.
fn label_of<'a>(origin: &Path, by_name: &HashMap<&str, &'a str>) -> Option<&'a str> {
    let path = origin.to_string_lossy().replace('\\', "/");
    let ends = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1));
    let by_end = ends.filter_map(|start| path.get(start..)).find_map(|end| by_name.get(end).copied());
    by_end.or_else(|| by_name.get(origin.file_stem()?.to_str()?).copied())
}

/// Lines of a list of labels.
struct List<'a> {
    /// Files; empty where the lines have labels alone.
    names: Vec<&'a str>,
    labels: Vec<&'a str>,
}

impl<'a> List<'a> {
    /// Columns that a first line may name.
    const LABEL: [&'static str; 5] = ["label", "class", "target", "category", "y"];
    const FILE: [&'static str; 6] = ["file", "filename", "path", "image", "name", "sample"];

    /// Splits lines at commas, semicolons or tabs, else at the last space. A first line may name the columns; otherwise the first
    /// one is the file and the second one the label.
    fn parse(text: &'a str) -> List<'a> {
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let mut rows: Vec<Vec<&str>> = lines.filter(|l| !l.is_empty() && !l.starts_with('#')).map(columns).collect();
        let named = |row: &[&str], names: &[&str]| {
            row.iter().position(|column| names.iter().any(|name| column.eq_ignore_ascii_case(name)))
        };
        let first = rows.first().map(Vec::as_slice).unwrap_or_default();
        let (mut file, mut label) = match first.len() {
            0 | 1 => (None, 0),
            _ => (Some(0), 1),
        };
        if let Some(at) = named(first, &Self::LABEL) {
            (file, label) = (named(first, &Self::FILE).or(file.filter(|_| at != 0)), at);
            rows.remove(0);
        }
        let column = |row: &Vec<&'a str>, at: usize| row.get(at).copied().unwrap_or_default();
        List {
            names: file
                .map_or(Vec::new(), |at| rows.iter().map(|row| column(row, at).trim_start_matches("./")).collect()),
            labels: rows.iter().map(|row| column(row, label)).collect(),
        }
    }
}

fn columns(line: &str) -> Vec<&str> {
    let columns: Vec<&str> = match line.find([',', ';', '\t']) {
        Some(at) => line.split(line[at..].chars().next().unwrap_or(',')).collect(),
        None => line.rsplit_once(char::is_whitespace).map_or_else(|| vec![line], |(file, label)| vec![file, label]),
    };
    columns.into_iter().map(|column| column.trim().trim_matches('"')).collect()
}

/// Returns the labels of an array with the samples on its first axis: whole numbers are classes.
fn labels_of(array: npy::Array) -> Result<Labels> {
    let flat = |row: &Tensor| row.slice::<f32>().map(<[f32]>::to_vec);
    if !array.is_whole {
        let values: Option<Vec<Vec<f32>>> = array.rows.iter().map(flat).collect();
        return values.map(Labels::Values).ok_or_else(|| Error::new("the labels are not numbers"));
    }
    let class = |row: &Tensor| match row.to_i64s()?.as_slice() {
        [class] => usize::try_from(*class).ok(),
        _ => None,
    };
    let classes: Option<Vec<usize>> = array.rows.iter().map(class).collect();
    classes.map(Labels::Classes).ok_or_else(|| {
        Error::new("the labels are integers, and not one class from 0 for each sample")
            .with_help("save the number of the class of each sample, or the wanted outputs as float32")
    })
}

#[cfg(test)]
#[path = "labels_tests.rs"]
mod tests;
