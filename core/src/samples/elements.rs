//! Conversion of an array's bytes to a tensor of the input's type.
//!
//! Integers stay integers where the model takes integers: their exponents as float32 would be meaningless.

use crate::graph::{DataType, Tensor};

use super::InputSpec;

/// Element type of a NumPy array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// One byte, 0 or 1.
    Bool,
    /// int8
    I8,
    /// int16
    I16,
    /// int32
    I32,
    /// int64
    I64,
    /// uint8
    U8,
    /// uint16
    U16,
    /// uint32
    U32,
    /// uint64
    U64,
    /// float16
    F16,
    /// float32
    F32,
    /// float64
    F64,
}

impl Element {
    /// NumPy's type code without its byte order, `f4`.
    pub fn from_code(code: &str) -> Option<Element> {
        Some(match code {
            "b1" | "?" => Element::Bool,
            "i1" | "b" => Element::I8,
            "i2" => Element::I16,
            "i4" => Element::I32,
            "i8" => Element::I64,
            "u1" | "B" => Element::U8,
            "u2" => Element::U16,
            "u4" => Element::U32,
            "u8" => Element::U64,
            "f2" => Element::F16,
            "f4" => Element::F32,
            "f8" => Element::F64,
            _ => return None,
        })
    }

    /// Returns `true` for integers and truth values.
    pub fn is_whole(self) -> bool {
        !matches!(self, Element::F16 | Element::F32 | Element::F64)
    }

    /// Bytes per element.
    pub fn size(self) -> usize {
        match self {
            Element::Bool | Element::I8 | Element::U8 => 1,
            Element::I16 | Element::U16 | Element::F16 => 2,
            Element::I32 | Element::U32 | Element::F32 => 4,
            Element::I64 | Element::U64 | Element::F64 => 8,
        }
    }
}

/// Element of an array, without loss.
#[derive(Debug, Clone, Copy)]
enum Number {
    Integer(i128),
    Float(f64),
}

/// Converts one sample. `bytes` hold as many elements as the input; an error names the first unusable one.
pub fn tensor(bytes: &[u8], element: Element, big_endian: bool, input: &InputSpec) -> Result<Tensor, String> {
    let numbers = || bytes.chunks_exact(element.size()).map(move |b| number(b, element, big_endian));
    macro_rules! integers {
        ($type:ty) => {{
            let whole = numbers().enumerate().map(|(i, n)| {
                let value = integer(n).and_then(|n| <$type>::try_from(n).ok());
                value.ok_or_else(|| {
                    format!("element {i} is {}, and input `{}` takes {}", show(n), input.name, input.data_type.name())
                })
            });
            Tensor::new(&input.shape, whole.collect::<Result<Vec<$type>, String>>()?)
        }};
    }
    match input.data_type {
        // The usual case has its own path: converting number by number takes as long as a tenth of a report.
        DataType::F32 if element == Element::F32 => {
            let bits = bytes.as_chunks().0.iter();
            let values = match big_endian {
                false => bits.map(|&b| f32::from_le_bytes(b)).collect(),
                true => bits.map(|&b| f32::from_be_bytes(b)).collect(),
            };
            Tensor::new(&input.shape, finite(values, f32::is_finite)?)
        }
        DataType::F32 => {
            Tensor::new(&input.shape, finite(numbers().map(|n| float(n) as f32).collect(), f32::is_finite)?)
        }
        DataType::F64 => Tensor::new(&input.shape, finite(numbers().map(float).collect(), f64::is_finite)?),
        DataType::I8 => integers!(i8),
        DataType::I16 => integers!(i16),
        DataType::I32 => integers!(i32),
        DataType::I64 => integers!(i64),
        DataType::U8 => integers!(u8),
        DataType::U16 => integers!(u16),
        DataType::U32 => integers!(u32),
        DataType::U64 => integers!(u64),
        DataType::Bool => Tensor::new(&input.shape, numbers().map(|n| float(n) != 0.0).collect()),
    }
    .map_err(|e| e.what().to_string())
}

fn finite<T: std::fmt::Display + Copy>(values: Vec<T>, is_finite: fn(T) -> bool) -> Result<Vec<T>, String> {
    match values.iter().position(|&v| !is_finite(v)) {
        None => Ok(values),
        Some(i) => Err(format!("element {i} is {}, not a finite number", values[i])),
    }
}

fn number(bytes: &[u8], element: Element, big_endian: bool) -> Number {
    let mut little = [0; 8];
    // `bytes` are one element, of 8 bytes at most.
    little[..bytes.len()].copy_from_slice(bytes);
    if big_endian {
        little[..bytes.len()].reverse();
    }
    let bits = u64::from_le_bytes(little);
    match element {
        Element::Bool => Number::Integer((bits != 0).into()),
        Element::I8 => Number::Integer((bits as u8 as i8).into()),
        Element::I16 => Number::Integer((bits as u16 as i16).into()),
        Element::I32 => Number::Integer((bits as u32 as i32).into()),
        Element::I64 => Number::Integer((bits as i64).into()),
        Element::U8 | Element::U16 | Element::U32 | Element::U64 => Number::Integer(bits.into()),
        Element::F16 => Number::Float(half(bits as u16)),
        Element::F32 => Number::Float(f32::from_bits(bits as u32).into()),
        Element::F64 => Number::Float(f64::from_bits(bits)),
    }
}

/// Converts IEEE 754 binary16.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

fn float(number: Number) -> f64 {
    match number {
        Number::Integer(n) => n as f64,
        Number::Float(f) => f,
    }
}

/// Returns the number if it is an integer.
fn integer(number: Number) -> Option<i128> {
    match number {
        Number::Integer(n) => Some(n),
        Number::Float(f) if f.is_finite() && f.fract() == 0.0 => Some(f as i128),
        Number::Float(_) => None,
    }
}

fn show(number: Number) -> String {
    match number {
        Number::Integer(n) => n.to_string(),
        Number::Float(f) => f.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(bytes: &[u8], element: Element, data_type: DataType) -> Result<Tensor, String> {
        let shape = vec![bytes.len() / element.size()];
        tensor(bytes, element, false, &InputSpec { name: "x".into(), data_type, shape, free: Vec::new() })
    }

    #[test]
    fn integers_stay_integers() {
        let ids = [3i64, -1, 1 << 53 | 1].map(i64::to_le_bytes).concat();
        let kept = convert(&ids, Element::I64, DataType::I64).unwrap();
        assert_eq!(kept.slice::<i64>().unwrap(), [3, -1, 9007199254740993]);
    }

    #[test]
    fn whole_floats_become_integers_and_others_are_refused() {
        let whole = convert(&[2.0f32, 5.0].map(f32::to_le_bytes).concat(), Element::F32, DataType::I32).unwrap();
        assert_eq!(whole.slice::<i32>().unwrap(), [2, 5]);
        let broken = convert(&[2.0f32, 0.5].map(f32::to_le_bytes).concat(), Element::F32, DataType::I32);
        assert_eq!(broken.unwrap_err(), "element 1 is 0.5, and input `x` takes int32");
        let large = convert(&300i32.to_le_bytes(), Element::I32, DataType::U8);
        assert_eq!(large.unwrap_err(), "element 0 is 300, and input `x` takes uint8");
    }

    #[test]
    fn every_width_becomes_float32() {
        let cases: [(&[u8], Element, f32); 6] = [
            (&[255], Element::U8, 255.0),
            (&[255], Element::I8, -1.0),
            (&[0x00, 0x3c], Element::F16, 1.0),
            (&[0x01, 0x80], Element::F16, -5.960_464_5e-8),
            (&0.1f64.to_le_bytes(), Element::F64, 0.1),
            (&[1], Element::Bool, 1.0),
        ];
        for (bytes, element, expected) in cases {
            assert_eq!(convert(bytes, element, DataType::F32).unwrap().slice::<f32>().unwrap(), [expected]);
        }
    }

    #[test]
    fn bytes_of_float32_in_both_orders() {
        let spec = InputSpec { name: "x".into(), data_type: DataType::F32, shape: vec![2], free: Vec::new() };
        let values = [1.5f32, -0.1];
        let little = tensor(&values.map(f32::to_le_bytes).concat(), Element::F32, false, &spec).unwrap();
        let big = tensor(&values.map(f32::to_be_bytes).concat(), Element::F32, true, &spec).unwrap();
        assert_eq!((little.slice::<f32>().unwrap(), big.slice::<f32>().unwrap()), (&values[..], &values[..]));
        let nan = convert(&[0.0, f32::NAN].map(f32::to_le_bytes).concat(), Element::F32, DataType::F32);
        assert_eq!(nan.unwrap_err(), "element 1 is NaN, not a finite number");
    }

    #[test]
    fn what_float32_cannot_hold_is_not_finite() {
        let huge = convert(&1e300f64.to_le_bytes(), Element::F64, DataType::F32);
        assert_eq!(huge.unwrap_err(), "element 0 is inf, not a finite number");
    }
}
