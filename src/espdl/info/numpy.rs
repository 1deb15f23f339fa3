//! NumPy's `repr` of a flat array, without abbreviation: columns of one width, lines of at most 75 characters.
//!
//! The rules are those of `numpy/_core/arrayprint.py` (2.x). As in esp-ppq's file, the padding of the last block of 16
//! bytes is printed, too.

use crate::Result;
use crate::bail;
use crate::espdl::{DataType, Tensor};

const LINE: usize = 75;
const INDENT: &str = "       ";

/// Formats the bytes of a tensor, padded to blocks of 16, like NumPy.
pub fn array(tensor: &Tensor) -> Result<String> {
    if tensor.bytes.is_empty() {
        return Ok("array([], dtype=float64)".to_string());
    }
    let padding = tensor.bytes.len().next_multiple_of(16) - tensor.bytes.len();
    let bytes: Vec<u8> = tensor.bytes.iter().copied().chain(std::iter::repeat_n(0, padding)).collect();
    macro_rules! integers {
        ($type:ty, $name:expr) => {{
            let values = bytes.as_chunks().0.iter().map(|&b| i64::from(<$type>::from_le_bytes(b)));
            integers(values, $name)
        }};
    }
    Ok(match tensor.data_type {
        DataType::Int8 => integers!(i8, Some("int8")),
        DataType::Uint8 => integers!(u8, Some("uint8")),
        DataType::Int16 => integers!(i16, Some("int16")),
        DataType::Uint16 => integers!(u16, Some("uint16")),
        DataType::Int32 => integers!(i32, Some("int32")),
        DataType::Uint32 => integers!(u32, Some("uint32")),
        DataType::Int64 => integers!(i64, None),
        DataType::Uint64 => {
            let words: Vec<String> = bytes.as_chunks().0.iter().map(|&b| u64::from_le_bytes(b).to_string()).collect();
            let width = words.iter().map(String::len).max().unwrap_or(0);
            lines(words.iter().map(|w| format!("{w:>width$}")), Some("uint64"))
        }
        DataType::Bool => lines(bytes.iter().map(|&b| if b == 0 { "False" } else { " True" }), None),
        DataType::Float => {
            let values: Vec<f32> = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
            lines(floats(&values), Some("float32"))
        }
        DataType::Double => {
            let values: Vec<f64> = bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect();
            lines(floats(&values), None)
        }
        other => bail!("tensor {}: elements of type {} have no text form", tensor.name, other.name()),
    })
}

/// Formats integers, aligned to the right. Most of a model is integers, so no string is allocated per number.
fn integers(values: impl Iterator<Item = i64> + Clone, type_name: Option<&str>) -> String {
    let (least, most) = values.clone().fold((0, 0), |(a, b): (i64, i64), v| (a.min(v), b.max(v)));
    let width = least.to_string().len().max(most.to_string().len());
    let mut array = Array::new(values.size_hint().0.saturating_mul(width + 2));
    let mut word = [0; 20];
    for value in values {
        let mut at = word.len();
        let mut rest = value.unsigned_abs();
        loop {
            at -= 1; // an i64 has at most 19 digits and a sign
            word[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            at -= 1;
            word[at] = b'-';
        }
        let start = word.len() - width;
        word[start..at.max(start)].fill(b' ');
        array.push(std::str::from_utf8(&word[start..]).unwrap_or_default());
    }
    array.finish(type_name)
}

fn lines(words: impl IntoIterator<Item = impl AsRef<str>>, type_name: Option<&str>) -> String {
    let mut array = Array::new(64);
    words.into_iter().for_each(|word| array.push(word.as_ref()));
    array.finish(type_name)
}

/// Text `array([...` under construction.
struct Array {
    text: String,
    /// Characters of the last line, including the comma and the space that may follow.
    column: usize,
    is_empty: bool,
}

impl Array {
    fn new(capacity: usize) -> Array {
        let mut text = String::with_capacity(capacity);
        text.push_str("array([");
        Array { text, column: INDENT.len(), is_empty: true }
    }

    fn push(&mut self, word: &str) {
        const WIDTH: usize = LINE - 2; // a bracket or comma, and what closes the array
        if !self.is_empty {
            let wraps = self.column + word.len() > WIDTH && self.column > INDENT.len();
            self.text.push_str(if wraps { ",\n       " } else { ", " });
            self.column = if wraps { INDENT.len() } else { self.column };
        }
        self.is_empty = false;
        self.text.push_str(word);
        self.column += word.len() + 2;
    }

    fn finish(self, type_name: Option<&str>) -> String {
        let text = self.text + "]";
        let Some(name) = type_name else { return text + ")" };
        let text = text + ",";
        let last = text.len() - text.rfind('\n').map_or(0, |at| at + 1);
        let name = format!("dtype={name})");
        let space = if last + name.len() + 1 > LINE { "\n      " } else { " " };
        text + space + &name
    }
}

/// Float with the shortest digits that distinguish it from its neighbours.
trait Shortest: Copy {
    fn scientific(self) -> String;
    fn wide(self) -> f64;
}

impl Shortest for f32 {
    fn scientific(self) -> String {
        format!("{self:e}")
    }
    fn wide(self) -> f64 {
        self.into()
    }
}

impl Shortest for f64 {
    fn scientific(self) -> String {
        format!("{self:e}")
    }
    fn wide(self) -> f64 {
        self
    }
}

/// Maximum number of fractional digits.
const PRECISION: usize = 8;

fn floats<T: Shortest>(values: &[T]) -> Vec<String> {
    let magnitudes = values.iter().map(|v| v.wide().abs()).filter(|m| m.is_finite() && *m > 0.0);
    let (least, most) = magnitudes.fold((f64::INFINITY, 0.0f64), |(a, b), m| (a.min(m), b.max(m)));
    let scientific = most > 0.0 && (most >= 1e8 || least < 1e-4 || most / least > 1000.0);
    let parts: Vec<(String, String, String)> =
        values.iter().map(|&v| if scientific { with_exponent(v) } else { positional(v) }).collect();
    let finite = |i: &usize| values[*i].wide().is_finite();
    let widest = |part: fn(&(String, String, String)) -> usize| {
        (0..values.len()).filter(finite).map(|i| part(&parts[i])).max().unwrap_or(0)
    };
    let (left, right, exponent) = (widest(|p| p.0.len()), widest(|p| p.1.len()), widest(|p| p.2.len()));
    let total = |left: usize| left + 1 + right + exponent;
    let longest = values.iter().filter(|v| !v.wide().is_finite()).map(|v| odd(v.wide()).len()).max().unwrap_or(0);
    let left = left.max((left + longest).saturating_sub(total(left)));
    let word = |(v, (whole, fraction, power)): (&T, &(String, String, String))| {
        if !v.wide().is_finite() {
            return format!("{:>1$}", odd(v.wide()), total(left));
        }
        match scientific {
            true => format!("{whole:>left$}.{fraction:0<right$}{power}"),
            false => format!("{whole:>left$}.{fraction:<right$}"),
        }
    };
    values.iter().zip(&parts).map(word).collect()
}

fn odd(value: f64) -> &'static str {
    match value {
        v if v.is_nan() => "nan",
        v if v > 0.0 => "inf",
        _ => "-inf",
    }
}

/// Parts of the scientific form: before the point, after it, and `e-05`.
fn with_exponent<T: Shortest>(value: T) -> (String, String, String) {
    if !value.wide().is_finite() {
        return Default::default();
    }
    let mut text = value.scientific();
    if text.split_once('e').and_then(|(digits, _)| digits.split_once('.')).is_some_and(|(_, f)| f.len() > PRECISION) {
        text = format!("{:.*e}", PRECISION, value.wide());
    }
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (sign, power) = match exponent.strip_prefix('-') {
        Some(power) => ('-', power),
        None => ('+', exponent),
    };
    (whole.to_string(), fraction.trim_end_matches('0').to_string(), format!("e{sign}{power:0>2}"))
}

fn positional<T: Shortest>(value: T) -> (String, String, String) {
    if !value.wide().is_finite() {
        return Default::default();
    }
    let shortest = value.scientific();
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let behind = digits.split_once('.').map_or(0, |(_, f)| f.len()) as i64 - exponent.parse::<i64>().unwrap_or(0);
    let places = usize::try_from(behind).unwrap_or(0).min(PRECISION);
    // If the shortest digits fit, they equal the exact value rounded to as many places.
    let text = format!("{:.places$}", value.wide());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    (whole.to_string(), fraction.trim_end_matches('0').to_string(), String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        array(&Tensor { data_type: DataType::Float, dims: vec![values.len()], bytes, ..Tensor::default() }).unwrap()
    }

    #[test]
    fn integers_are_in_columns_and_padding_is_printed() {
        let tensor = Tensor {
            data_type: DataType::Int8,
            dims: vec![17],
            bytes: (0..17).map(|i| (i as i8 * 7 - 50) as u8).collect(),
            ..Tensor::default()
        };
        assert_eq!(
            array(&tensor).unwrap(),
            "array([-50, -43, -36, -29, -22, -15,  -8,  -1,   6,  13,  20,  27,  34,\n        41,  48,  55,  62,   \
             0,   0,   0,   0,   0,   0,   0,   0,   0,\n         0,   0,   0,   0,   0,   0], dtype=int8)"
        );
    }

    // Expected lines are NumPy 2's.
    #[test]
    fn floats_are_printed_like_numpys() {
        assert_eq!(floats(&[1.0, 0.5, -2.25, 0.1]), "array([ 1.  ,  0.5 , -2.25,  0.1 ], dtype=float32)");
        assert_eq!(
            floats(&[0.00012345679, 0.1, 0.0, 0.0]),
            "array([0.00012346, 0.1       , 0.        , 0.        ], dtype=float32)"
        );
        assert_eq!(floats(&[1e-5, 1.0, 0.0, 2.5]), "array([1.0e-05, 1.0e+00, 0.0e+00, 2.5e+00], dtype=float32)");
        assert_eq!(floats(&[f32::NAN, 1.0, f32::NEG_INFINITY, 0.0]), "array([ nan,   1., -inf,   0.], dtype=float32)");
    }
}
