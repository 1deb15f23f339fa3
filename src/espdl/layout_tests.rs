use serde::Deserialize;

use super::*;
use crate::chip::{Family, QuantType};

/// Layouts that esp-ppq made of the filter 0, 1, 2, ... (`fixtures/espdl/layouts.py`).
#[derive(Debug, Deserialize)]
struct Case {
    family: String,
    quant_type: String,
    shape: Vec<usize>,
    grouped: bool,
    dims: Vec<usize>,
    layout: String,
    stored: Vec<i16>,
}

impl Case {
    fn filter(&self) -> Filter<'_> {
        let family = match self.family.as_str() {
            "p4" => Family::P4,
            "s3" => Family::S3,
            _ => Family::C,
        };
        let lanes = QuantType::from_name(&self.quant_type).unwrap().lanes(family);
        Filter { shape: &self.shape, grouped: self.grouped, lanes }
    }

    fn plain(&self) -> Vec<i16> {
        (0..).take(self.stored.len()).collect()
    }
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/espdl/layouts.json"));
    let cases: Vec<Case> = serde_json::from_str(&text.unwrap()).unwrap();
    assert_eq!(cases.len(), 135);
    cases
}

#[test]
fn filters_are_stored_as_esp_ppq_stores_them() {
    for case in cases() {
        assert_eq!(case.filter().pack(&case.plain()).unwrap(), case.stored, "{case:?}");
    }
}

#[test]
fn stored_filters_unpack_to_their_original_order() {
    for case in cases() {
        assert_eq!(case.filter().unpack(&case.stored).unwrap(), case.plain(), "{case:?}");
    }
}

#[test]
fn dims_and_layout_are_esp_ppqs() {
    for case in cases() {
        assert_eq!((case.filter().stored_dims(), case.filter().layout()), (case.dims.clone(), case.layout.clone()));
    }
}

#[test]
fn gemm_weights_are_stored_as_a_convolution_of_one_by_one() {
    // [C, N] = [2, 3], plain: N, C
    assert_eq!(pack_gemm(&[0, 1, 2, 3, 4, 5], 2, 3, None).unwrap(), [0, 3, 1, 4, 2, 5]);
    // Two lanes: channels 0 and 1 in a block, channel 2 after it.
    assert_eq!(pack_gemm(&[0, 1, 2, 3, 4, 5], 2, 3, Some(2)).unwrap(), [0, 1, 3, 4, 2, 5]);
}

#[test]
fn each_matrix_of_matmul_is_packed_separately() {
    let stored = pack_matmul(&[0, 1, 2, 3, 4, 5, 6, 7], &[2, 2, 2], None).unwrap();
    assert_eq!(stored, [0, 2, 1, 3, 4, 6, 5, 7]);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let filter = |shape| Filter { shape, grouped: false, lanes: Some(16) };
    assert_eq!(
        filter(&[2, 2, 1, 1]).pack(&[0; 3]).unwrap_err().what(),
        "a filter of shape [2, 2, 1, 1] cannot hold 3 values"
    );
    assert_eq!(
        filter(&[2, 2]).pack(&[0; 4]).unwrap_err().what(),
        "a filter of shape [2, 2] has rank 2, but ESP-DL stores ranks 3 and 4"
    );
    assert!(filter(&[usize::MAX, 2, 1, 1]).unpack(&[0; 4]).is_err());
    assert_eq!(filter(&[usize::MAX, 0, 1, 1]).pack(&[0; 0]).unwrap(), [0; 0]);
    assert!(pack_matmul(&[0; 4], &[0, usize::MAX, 2], None).is_err());
    assert_eq!(pack_matmul(&[0; 0], &[0, 2, 2], None).unwrap(), [0; 0]);
}
