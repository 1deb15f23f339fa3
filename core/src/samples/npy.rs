//! NumPy's `.npy`, format versions 1 to 3 (numpy.lib.format).
//!
//! Only the requested rows are read, and memory grows with the bytes actually read, so that a header cannot allocate
//! more than its file contains.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::ops::Range;
use std::path::Path;

use crate::graph::{DataType, Tensor};
use crate::{Error, Kind, Result, bail, file};

use super::elements::{Element, tensor};
use super::{InputSpec, sides};

/// Header of an `.npy` array.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Type of the elements.
    pub element: Element,
    /// Set if elements are big-endian.
    pub big_endian: bool,
    /// Set if the array is in Fortran order: the first axis changes fastest.
    pub fortran: bool,
    /// Lengths of the axes.
    pub shape: Vec<usize>,
}

/// Number of bytes that contain the header of a plain array.
pub const HEAD: usize = 256;

/// Returns the input for an array's shape.
pub type Settle<'a> = &'a mut dyn FnMut(&[usize]) -> Result<InputSpec>;

/// Loads the first samples of a file, at most `wanted`.
pub fn load(file: &Path, settle: Settle, wanted: usize) -> Result<Vec<Tensor>> {
    let opened = file::open(file)?;
    read(&mut BufReader::new(opened), settle, wanted)
}

/// Shape of the array in a file, of which only the header is read.
pub fn shape(file: &Path) -> Result<Vec<usize>> {
    let opened = file::open(file)?;
    Ok(read_header(&mut BufReader::with_capacity(HEAD, opened))?.shape)
}

/// Like [`load`], from any stream.
pub fn read(stream: &mut dyn Read, settle: Settle, wanted: usize) -> Result<Vec<Tensor>> {
    let header = read_header(stream)?;
    let input = settle(&header.shape)?;
    read_rows(stream, &header, &input, wanted)
}

/// Array with one row for each sample.
pub struct Array {
    /// Set if the elements are integers, which are then rows of int64; others are rows of float32.
    pub is_whole: bool,
    /// Rows of the array.
    pub rows: Vec<Tensor>,
}

/// Loads a whole array, whatever its shape.
pub fn array(file: &Path) -> Result<Array> {
    let opened = file::open(file)?;
    read_array(&mut BufReader::new(opened))
}

/// Like [`array`], from any stream.
pub fn read_array(stream: &mut dyn Read) -> Result<Array> {
    let header = read_header(stream)?;
    let is_whole = header.element.is_whole();
    let Some((&count, row)) = header.shape.split_first() else {
        return Err(Error::new("the array is a single number").with_help("save an array with one row for each sample"));
    };
    let input = InputSpec {
        name: "labels".to_string(),
        data_type: if is_whole { DataType::I64 } else { DataType::F32 },
        shape: row.to_vec(),
        free: Vec::new(),
    };
    Ok(Array { is_whole, rows: read_rows(stream, &header, &input, count)? })
}

/// Writes tensors of one shape as rows of a float32 array; an axis of 1 that begins the shape, the batch, becomes that of the rows.
pub fn write(file: &Path, rows: &[&Tensor], shape: Option<&[usize]>) -> std::io::Result<()> {
    let row = shape.unwrap_or_default();
    let row = row.strip_prefix(&[1]).unwrap_or(row);
    let sides: Vec<String> = std::iter::once(&rows.len()).chain(row).map(usize::to_string).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", sides.join(", "));
    // Magic, length and header fill a multiple of 64 bytes.
    let padding = 64 - (11 + header.len()) % 64;
    header.push_str(&" ".repeat(padding));
    header.push('\n');
    let length = u16::try_from(header.len()).map_err(std::io::Error::other)?;
    let mut stream = std::io::BufWriter::new(File::create(file)?);
    stream.write_all(b"\x93NUMPY\x01\x00")?;
    stream.write_all(&length.to_le_bytes())?;
    stream.write_all(header.as_bytes())?;
    for row in rows {
        for value in numbers(row) {
            stream.write_all(&value.to_le_bytes())?;
        }
    }
    stream.flush()
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    match tensor.slice::<f32>() {
        Some(values) => values.to_vec(),
        None => tensor.to_i64s().unwrap_or_default().into_iter().map(|value| value as f32).collect(),
    }
}

fn read_rows(stream: &mut dyn Read, header: &Header, input: &InputSpec, wanted: usize) -> Result<Vec<Tensor>> {
    let count = samples_in(&header.shape, &input.shape).ok_or_else(|| mismatch(&header.shape, input))?;
    let kept = count.min(wanted);
    let size = header.element.size();
    let too_large = || Error::new(format!("shape {} is too large", sides(&header.shape)));
    let sample = input.elements().checked_mul(size).ok_or_else(too_large)?;
    let rows = if header.fortran { count } else { kept };
    let length = sample.checked_mul(rows).ok_or_else(too_large)?;
    // Float inputs refuse values that are not finite, integer inputs those that do not fit.
    let (kind, help) = match input.data_type {
        DataType::F32 | DataType::F64 => (
            Kind::NotFinite,
            "it would propagate to every layer: fix the script that writes the samples (numpy.isfinite finds such elements)",
        ),
        _ => (Kind::Shape, "save integers within the range of the input's type"),
    };
    let one = |index: usize, bytes: &[u8]| {
        tensor(bytes, header.element, header.big_endian, input).map_err(|what| {
            let what = if count > 1 { format!("sample {index}: {what}") } else { what };
            Error::new(what).of_kind(kind).with_help(help)
        })
    };
    let mut bytes = Vec::new();
    if header.fortran {
        read_bytes(stream, 0..length, length, &mut bytes)?;
        let bytes = row_major(&bytes, &header.shape, size)?;
        return (0..kept).map(|index| one(index, &bytes[index * sample..][..sample])).collect();
    }
    // The bytes of one row are in memory at a time.
    (0..kept)
        .map(|index| {
            read_bytes(stream, index * sample..(index + 1) * sample, length, &mut bytes)?;
            one(index, &bytes)
        })
        .collect()
}

/// Returns the number of samples in an array; `None` if its shape does not fit the input.
///
/// Axes of length 1 are ignored: they do not change the order of elements.
pub fn samples_in(array: &[usize], input: &[usize]) -> Option<usize> {
    let real = |shape: &[usize]| shape.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
    let wanted = real(input);
    match array.split_first() {
        Some((&count, rest)) if real(rest) == wanted => Some(count),
        _ if real(array) == wanted => Some(1),
        _ => None,
    }
}

fn mismatch(array: &[usize], input: &InputSpec) -> Error {
    let wanted = match input.shape.split_first() {
        Some((1, rest)) if !rest.is_empty() => rest,
        _ => &input.shape,
    };
    let error = Error::new(format!(
        "the array is {}, but input `{}` expects {} (or Nx{} for N samples)",
        sides(array),
        input.name,
        sides(&input.shape),
        sides(wanted)
    ))
    .of_kind(Kind::Shape);
    let sample = if array.len() == wanted.len() + 1 { &array[1..] } else { array };
    match (sample, wanted) {
        (&[h, w, c], &[c2, h2, w2]) if (h, w, c) == (h2, w2, c2) => {
            error.with_help("the samples are channels-last: transpose them, x.transpose(0, 3, 1, 2)")
        }
        (&[c, h, w], &[h2, w2, c2]) if (h, w, c) == (h2, w2, c2) => {
            error.with_help("the samples are channels-first: transpose them, x.transpose(0, 2, 3, 1)")
        }
        _ => error.with_help("save samples in the shape of the model's input, preprocessed"),
    }
}

/// Reads a part of the `whole` bytes of an array, which is the next one in the stream.
fn read_bytes(stream: &mut dyn Read, part: Range<usize>, whole: usize, bytes: &mut Vec<u8>) -> Result<()> {
    bytes.clear();
    stream.take(part.len() as u64).read_to_end(bytes).map_err(|e| Error::new(format!("cannot be read: {e}")))?;
    if bytes.len() != part.len() {
        let read = part.start + bytes.len();
        return Err(Error::new(format!("the file ends after {read} of {whole} bytes of samples"))
            .with_help("the file is truncated: save it again"));
    }
    Ok(())
}

/// Reorders a column-major array to row-major order.
fn row_major(bytes: &[u8], shape: &[usize], size: usize) -> Result<Vec<u8>> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = size;
    for &n in shape {
        strides.push(stride);
        stride = stride.checked_mul(n).ok_or_else(|| Error::new("the shape is too large"))?;
    }
    let mut index = vec![0; shape.len()];
    let mut ordered = Vec::with_capacity(bytes.len());
    while ordered.len() < bytes.len() {
        let at: usize = index.iter().zip(&strides).map(|(i, s)| i * s).sum();
        // In bounds: `index` stays below `shape`, whose size is that of `bytes`.
        ordered.extend_from_slice(&bytes[at..at + size]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Ok(ordered)
}

/// Maximum length of a header, in bytes: enough for every array without fields.
const LONGEST_HEADER: usize = 64 << 10;

fn read_header(stream: &mut dyn Read) -> Result<Header> {
    let not_npy = || Error::new("is not a .npy file").with_help("save it with numpy.save(file, array)");
    let mut start = [0; 8];
    stream.read_exact(&mut start).map_err(|_| not_npy())?;
    let [magic @ .., major, _] = start;
    if magic != *b"\x93NUMPY" {
        return Err(not_npy());
    }
    let length = match major {
        1 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).map_err(|_| not_npy())?;
            u16::from_le_bytes(length) as usize
        }
        2 | 3 => {
            let mut length = [0; 4];
            stream.read_exact(&mut length).map_err(|_| not_npy())?;
            u32::from_le_bytes(length) as usize
        }
        other => bail!("version {other} of the .npy format is not supported"),
    };
    if length > LONGEST_HEADER {
        bail!("the header's length of {length} bytes exceeds the limit");
    }
    let mut header = vec![0; length];
    stream.read_exact(&mut header).map_err(|_| Error::new("the file ends inside its header"))?;
    let text = std::str::from_utf8(&header).map_err(|_| Error::new("the header is not text"))?;
    parse_header(text)
}

/// `{'descr': '<f4', 'fortran_order': False, 'shape': (8, 3), }`
fn parse_header(text: &str) -> Result<Header> {
    let damaged = || Error::new(format!("the header is damaged: {}", text.trim().escape_debug()));
    let mut scanner = Scanner { rest: text };
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    scanner.expect("{").ok_or_else(damaged)?;
    while scanner.expect("}").is_none() {
        let key = scanner.string().ok_or_else(damaged)?;
        scanner.expect(":").ok_or_else(damaged)?;
        match key {
            "descr" => match scanner.string() {
                Some(text) => descr = Some(text),
                None => {
                    return Err(Error::new("the array has fields (a structured dtype)")
                        .with_help("save one plain array of numbers"));
                }
            },
            "fortran_order" => fortran = Some(scanner.boolean().ok_or_else(damaged)?),
            "shape" => shape = Some(scanner.shape().ok_or_else(damaged)?),
            _ => return Err(damaged()),
        }
        if scanner.expect(",").is_none() && !scanner.rest.trim_start().starts_with('}') {
            return Err(damaged());
        }
    }
    let (Some(descr), Some(fortran), Some(shape)) = (descr, fortran, shape) else { return Err(damaged()) };
    let (order, code) = match descr.strip_prefix(['<', '>', '|', '=']) {
        Some(code) => (&descr[..1], code),
        None => ("|", descr),
    };
    let element = Element::from_code(code).ok_or_else(|| {
        Error::new(format!("elements of type {descr:?} are not supported"))
            .with_help("save them as float32: array.astype(numpy.float32)")
    })?;
    Ok(Header { element, big_endian: order == ">", fortran, shape })
}

/// Tokens of a Python literal.
struct Scanner<'t> {
    rest: &'t str,
}

impl<'t> Scanner<'t> {
    fn expect(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'t str> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (text, rest) = rest.get(1..)?.split_once(quote)?;
        self.rest = rest;
        Some(text)
    }

    fn boolean(&mut self) -> Option<bool> {
        match self.expect("True") {
            Some(()) => Some(true),
            None => self.expect("False").map(|()| false),
        }
    }

    /// `()`, `(8,)`, `(8, 3)`
    fn shape(&mut self) -> Option<Vec<usize>> {
        self.expect("(")?;
        let (inside, rest) = self.rest.split_once(')')?;
        self.rest = rest;
        let inside = inside.trim();
        let inside = inside.strip_suffix(',').unwrap_or(inside);
        match inside.is_empty() {
            true => Some(Vec::new()),
            // Python 2 wrote 8L.
            false => inside.split(',').map(|n| n.trim().trim_end_matches('L').parse().ok()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::DataType;

    pub fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        let order = if fortran { "True" } else { "False" };
        let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.bytes());
        file.extend(data);
        file
    }

    fn input(shape: &[usize]) -> InputSpec {
        InputSpec { name: "x".into(), data_type: DataType::F32, shape: shape.to_vec(), free: Vec::new() }
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn read_floats(file: Vec<u8>, shape: &[usize], wanted: usize) -> Vec<Vec<f32>> {
        let tensors = read(&mut file.as_slice(), &mut |_| Ok(input(shape)), wanted).unwrap();
        assert!(tensors.iter().all(|t| t.shape() == shape));
        tensors.into_iter().map(|t| t.into_vec().unwrap()).collect()
    }

    fn error(file: Vec<u8>, shape: &[usize]) -> String {
        read(&mut file.as_slice(), &mut |_| Ok(input(shape)), 9).unwrap_err().to_string()
    }

    #[test]
    fn samples_may_omit_the_batch_axis() {
        let data = floats(&[1., 2., 3., 4.]);
        for shape in ["(2, 2)", "(2, 1, 2)"] {
            assert_eq!(read_floats(npy("<f4", false, shape, &data), &[1, 2], 9), [[1., 2.], [3., 4.]]);
        }
    }

    #[test]
    fn a_single_sample_needs_no_sample_axis() {
        let data = floats(&[1., 2., 3., 4.]);
        for shape in ["(1, 2, 2)", "(2, 2)", "(1, 1, 2, 2)"] {
            assert_eq!(read_floats(npy("<f4", false, shape, &data), &[1, 2, 2], 9), [[1., 2., 3., 4.]]);
        }
    }

    #[test]
    fn only_the_requested_samples_are_read() {
        let cut = npy("<f4", false, "(1000000, 1)", &floats(&[1., 2.]));
        assert_eq!(read_floats(cut, &[1, 1], 2), [[1.], [2.]]);
    }

    #[test]
    fn column_major_arrays_are_reordered() {
        let file = npy("<f4", true, "(2, 3)", &floats(&[1., 4., 2., 5., 3., 6.]));
        assert_eq!(read_floats(file, &[1, 3], 9), [[1., 2., 3.], [4., 5., 6.]]);
    }

    #[test]
    fn big_endian_elements_are_swapped() {
        let data: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|v| v.to_be_bytes()).collect();
        assert_eq!(read_floats(npy(">f4", false, "(1, 2)", &data), &[1, 2], 9), [[1.5, -2.0]]);
    }

    #[test]
    fn versions_2_and_3_have_longer_lengths() {
        for version in [2, 3] {
            let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
            let mut file = vec![0x93, b'N', b'U', b'M', b'P', b'Y', version, 0];
            file.extend((header.len() as u32).to_le_bytes());
            file.extend(header.bytes());
            file.extend([7, 9]);
            assert_eq!(read_floats(file, &[2], 9), [[7., 9.]]);
        }
    }

    #[test]
    fn errors_name_the_cause() {
        let errors = [
            error(npy("<f4", false, "(32, 8, 8, 3)", &[]), &[1, 3, 8, 8]),
            error(npy("<f4", false, "(32, 7)", &[]), &[1, 3, 8, 8]),
            error(npy("<c8", false, "(1, 1)", &[]), &[1, 1]),
        ];
        insta::assert_snapshot!(errors.join("\n\n"));
        insta::assert_snapshot!(error(npy("<f4", false, "(2, 1)", &[0; 6]), &[1, 1]));
        let errors = [
            error(npy("<f4", false, "(2, 2)", &floats(&[0., 1., 2., f32::NAN])), &[1, 2]),
            error(b"PK\x03\x04 and so on".to_vec(), &[1, 2]),
        ];
        insta::assert_snapshot!(errors.join("\n\n"));
    }

    #[test]
    fn claims_beyond_memory_are_refused() {
        let huge = "(18446744073709551615, 18446744073709551615)";
        assert!(error(npy("<f8", false, huge, &[]), &[1, 2]).contains("expects 1x2"));
        assert!(error(npy("<f8", true, "(18446744073709551615, 2)", &[]), &[1, 2]).contains("too large"));
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics(header in ".{0,200}", data: [u8; 8]) {
            let mut file = b"\x93NUMPY\x01\x00".to_vec();
            file.extend((header.len() as u16).to_le_bytes());
            file.extend(header.bytes());
            file.extend(data);
            let _ = read(&mut file.as_slice(), &mut |_| Ok(input(&[1, 2])), 9);
        }

        #[test]
        fn no_claim_panics(code in "[<>|]?[fiubcOSU][0-9]{1,2}", shape in "\\(([0-9]{1,20}, ?){0,4}[0-9]?\\)", fortran: bool) {
            let _ = read(&mut npy(&code, fortran, &shape, &[0; 16]).as_slice(), &mut |_| Ok(input(&[1, 2])), 9);
        }
    }
}
