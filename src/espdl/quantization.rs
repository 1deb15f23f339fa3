//! Reads the `.json` that esp-ppq and espq write beside a model (`export_quantization_config`).

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::chip::{Family, Scheme};
use crate::quant::{ImportedLayer, ImportedPort, ImportedScales};
use crate::{Error, Result, bail};

#[derive(Deserialize)]
struct File {
    configs: Pairs<Pairs<RecordedPort>>,
    dispatchings: HashMap<String, String>,
    values: HashMap<String, Scale>,
}

#[derive(Deserialize)]
struct RecordedPort {
    bit_width: u32,
    state: String,
    dominator: serde_json::Number,
}

#[derive(Deserialize)]
struct Scale {
    scale: Numbers,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Numbers {
    One(f64),
    Many(Vec<f64>),
}

/// Map in the order of the text: ports are identified by position.
struct Pairs<V>(Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Read<V> {
            type Value = Pairs<V>;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs<V>, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Read(std::marker::PhantomData))
    }
}

/// Reads exponents and precisions by layer. An error names the first entry that is not supported.
pub fn read(text: &str) -> Result<ImportedScales> {
    let file: File = serde_json::from_str(text).map_err(|e| {
        Error::new(format!("not a quantization file: {e}"))
            .with_help("use the .json that `espq export` or esp-ppq wrote")
    })?;
    let mut layers = Vec::with_capacity(file.configs.0.len());
    for (name, ports) in &file.configs.0 {
        let (family, scheme) =
            platform(file.dispatchings.get(name).map_or("", String::as_str)).map_err(|e| e.in_layer(name))?;
        let ports = ports.0.iter().map(|(value, port)| Ok((value.clone(), scale(&file, port)?)));
        let ports = ports.collect::<Result<_>>().map_err(|e| e.in_layer(name))?;
        layers.push(ImportedLayer { name: name.clone(), scheme, family, ports });
    }
    Ok(ImportedScales { layers })
}

/// Returns the chip family and precision of esp-ppq's `TargetPlatform`, in which `H_PRE` marks exact sums.
fn platform(name: &str) -> Result<(Option<Family>, Scheme)> {
    let (family, width) = match name.strip_prefix("ESPDL_") {
        Some(rest) => match (rest.strip_prefix("S3_"), rest.strip_prefix("C_")) {
            (Some(width), _) => (Some(Family::S3), width),
            (_, Some(width)) => (Some(Family::C), width),
            _ => (Some(Family::P4), rest),
        },
        None => (None, name),
    };
    let scheme = match width {
        "INT8" => Scheme::Int8,
        "INT16" | "H_PRE_INT16" => Scheme::Int16,
        "W8A16" => Scheme::W8A16,
        "FP32" | "SOI" => Scheme::Float,
        _ => bail!("{name:?} is not a platform of ESP-DL"),
    };
    Ok((family, scheme))
}

fn scale(file: &File, port: &RecordedPort) -> Result<Option<ImportedPort>> {
    if port.state == "FP32" {
        return Ok(None);
    }
    let number = port.dominator.to_string();
    let Some(value) = file.values.get(&number) else { bail!("there is no scale number {number}") };
    let scales = match &value.scale {
        Numbers::One(scale) => std::slice::from_ref(scale),
        Numbers::Many(scales) => scales,
    };
    let exponents = scales.iter().map(|&s| exponent(s)).collect::<Result<_>>()?;
    Ok(Some(ImportedPort { bits: port.bit_width, exponents }))
}

fn exponent(scale: f64) -> Result<i32> {
    let exponent = scale.log2();
    if !exponent.is_finite() || exponent.fract() != 0.0 {
        return Err(Error::new(format!("the scale {scale} is not a power of two"))
            .with_help("ESP-DL supports only powers of two: quantize for one of its targets"));
    }
    Ok(exponent as i32) // a double's exponent fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(state: &str, scale: &str) -> String {
        format!(
            r#"{{"configs": {{"conv": {{
                "y": {{"bit_width": 8, "state": "{state}", "dominator": 7, "hash": 7}},
                "a": {{"bit_width": 8, "state": "FP32", "dominator": 9, "hash": 9}}}}}},
              "dispatchings": {{"conv": "ESPDL_S3_INT8"}}, "values": {{"7": {{"scale": {scale}, "zero_point": 0.0}}}}}}"#
        )
    }

    #[test]
    fn exponents_and_dispatch_come_in_the_files_order() {
        let layer = read(&file("OVERLAPPED", "[0.25, 2.0]")).unwrap().layers.remove(0);
        assert_eq!((layer.name.as_str(), layer.scheme, layer.family), ("conv", Scheme::Int8, Some(Family::S3)));
        let port = ImportedPort { bits: 8, exponents: vec![-2, 1] };
        assert_eq!(layer.ports, [("y".to_string(), Some(port)), ("a".to_string(), None)]);
    }

    #[test]
    fn a_file_without_a_quantization_is_an_error() {
        let error = |text: &str| read(text).unwrap_err().what().to_string();
        assert_eq!(error(&file("ACTIVATED", "0.3")), "the scale 0.3 is not a power of two");
        assert_eq!(
            error(&file("ACTIVATED", "0.5").replace("ESPDL_S3_INT8", "TRT_INT8")),
            "\"TRT_INT8\" is not a platform of ESP-DL"
        );
        assert_eq!(error(&file("ACTIVATED", "0.5").replace("\"7\"", "\"8\"")), "there is no scale number 7");
        assert!(error("[]").starts_with("not a quantization"));
    }
}
