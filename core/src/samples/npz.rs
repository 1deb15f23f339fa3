//! NumPy's `.npz`: a zip archive of `.npy` files, stored or deflated.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use zip::ZipArchive;

use crate::graph::Tensor;
use crate::text::list;
use crate::{Error, Result, file};

use super::{InputSpec, npy};

/// Loads the first samples of each input's array, at most `wanted`.
///
/// Arrays are assigned to inputs by name if every input's name occurs, else in order, without the array `besides`. `settle`
/// returns the input at an index for its array's shape.
pub fn load(
    file: &Path,
    inputs: &[String],
    besides: Option<&str>,
    settle: &mut dyn FnMut(usize, &[usize]) -> Result<InputSpec>,
    wanted: usize,
) -> Result<Vec<Vec<Tensor>>> {
    let (mut archive, mut entries) = open(file)?;
    entries.retain(|(_, name)| Some(name.as_str()) != besides);
    let chosen = choose(&entries, inputs)?;
    let array = |(at, index): (usize, usize)| {
        let mut entry = archive.by_index(index).map_err(|e| Error::new(format!("cannot be read: {e}")))?;
        npy::read(&mut entry, &mut |shape| settle(at, shape), wanted).map_err(|e| {
            let name = entries.iter().find(|(i, _)| *i == index).map_or("", |(_, name)| name);
            let named = Error::new(format!("array `{name}`: {}", e.what())).of_kind(e.kind());
            match e.help() {
                Some(help) => named.with_help(help),
                None => named,
            }
        })
    };
    chosen.into_iter().enumerate().map(array).collect()
}

/// Loads one array of an archive, whatever its shape.
pub fn array(file: &Path, name: &str) -> Result<npy::Array> {
    let (mut archive, entries) = open(file)?;
    let Some((index, _)) = entries.iter().find(|(_, entry)| entry == name) else {
        let error = Error::new(format!("contains no array `{name}`"));
        let names: Vec<&str> = entries.iter().map(|(_, name)| name.as_str()).collect();
        return Err(error.with_help(format!("its arrays are {}", list(names))));
    };
    let mut entry = archive.by_index(*index).map_err(|e| Error::new(format!("cannot be read: {e}")))?;
    npy::read_array(&mut entry).map_err(|e| Error::new(format!("array `{name}`: {}", e.what())))
}

type Archive = ZipArchive<BufReader<File>>;

/// Opens an archive, and lists its arrays by their places.
fn open(file: &Path) -> Result<(Archive, Vec<(usize, String)>)> {
    let opened = file::open(file)?;
    let archive = ZipArchive::new(BufReader::new(opened)).map_err(|e| {
        Error::new(format!("is not a .npz file: {e}")).with_help("save it with numpy.savez(file, name=array)")
    })?;
    let entries = (0..archive.len())
        .filter_map(|i| Some((i, archive.name_for_index(i)?.ok()?.strip_suffix(".npy")?.to_string())))
        .collect();
    Ok((archive, entries))
}

/// Chooses the archive's entry for each input.
fn choose(entries: &[(usize, String)], inputs: &[String]) -> Result<Vec<usize>> {
    let by_name = |input: &String| entries.iter().find(|(_, name)| name == input).map(|(i, _)| *i);
    if let Some(all) = inputs.iter().map(by_name).collect() {
        return Ok(all);
    }
    if entries.len() == inputs.len() {
        return Ok(entries.iter().map(|(i, _)| *i).collect());
    }
    let missing: Vec<String> = inputs.iter().filter(|i| by_name(i).is_none()).map(|i| format!("`{i}`")).collect();
    let held: Vec<String> = entries.iter().map(|(_, name)| format!("`{name}`")).collect();
    let held = match held.len() {
        0 => {
            return Err(Error::new("holds no arrays").with_help("save it with numpy.savez(file, name=array)"));
        }
        1 => format!("array {}", held[0]),
        _ => format!("arrays {}", held.join(", ")),
    };
    Err(Error::new(format!("contains {held}, but no array for {}", missing.join(", ")))
        .with_help("name each array as its model input: numpy.savez(file, **{\"input.1\": array})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::DataType;
    use std::io::Write;
    use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

    /// Archive with one float sample of one element per array.
    fn npz(method: CompressionMethod, arrays: &[(&str, f32)]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut archive = ZipWriter::new(&mut file);
        for (name, value) in arrays {
            let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }";
            archive.start_file(format!("{name}.npy"), SimpleFileOptions::default().compression_method(method)).unwrap();
            archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
            archive.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
            archive.write_all(header.as_bytes()).unwrap();
            archive.write_all(&value.to_le_bytes()).unwrap();
        }
        archive.finish().unwrap();
        file
    }

    fn values(file: &tempfile::NamedTempFile, inputs: &[&str]) -> Result<Vec<f32>> {
        let names: Vec<String> = inputs.iter().map(|name| name.to_string()).collect();
        let spec = |at: usize| InputSpec {
            name: names[at].clone(),
            data_type: DataType::F32,
            shape: vec![1, 1],
            free: Vec::new(),
        };
        let arrays = load(file.path(), &names, None, &mut |at, _| Ok(spec(at)), 9)?;
        Ok(arrays.into_iter().map(|a| a[0].slice::<f32>().unwrap()[0]).collect())
    }

    #[test]
    fn arrays_are_assigned_by_name_in_any_order() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let file = npz(method, &[("b", 2.0), ("labels", 3.0), ("a", 1.0)]);
            assert_eq!(values(&file, &["a", "b"]).unwrap(), [1.0, 2.0]);
        }
    }

    #[test]
    fn arrays_with_other_names_are_assigned_in_order() {
        let file = npz(CompressionMethod::Stored, &[("arr_0", 1.0), ("arr_1", 2.0)]);
        assert_eq!(values(&file, &["a", "b"]).unwrap(), [1.0, 2.0]);
    }

    #[test]
    fn a_missing_input_is_named() {
        let file = npz(CompressionMethod::Stored, &[("a", 1.0), ("y", 2.0)]);
        let error = values(&file, &["a", "b", "c"]).unwrap_err();
        assert_eq!(error.what(), "contains arrays `a`, `y`, but no array for `b`, `c`");
    }

    #[test]
    fn damage_is_an_error() {
        let file = npz(CompressionMethod::Deflated, &[("a", 1.0)]);
        let bytes = std::fs::read(file.path()).unwrap();
        for cut in [0, 3, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(file.path(), &bytes[..cut]).unwrap();
            assert!(values(&file, &["a"]).is_err());
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(64))]
        #[test]
        fn no_flipped_byte_panics(at: proptest::sample::Index, value: u8) {
            let file = npz(CompressionMethod::Deflated, &[("a", 1.0)]);
            let mut bytes = std::fs::read(file.path()).unwrap();
            *at.get_mut(&mut bytes) = value;
            std::fs::write(file.path(), &bytes).unwrap();
            let _ = values(&file, &["a"]);
        }
    }
}
