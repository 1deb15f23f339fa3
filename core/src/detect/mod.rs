//! Detection networks: their heads, recognized by structure; their decoding; and the agreement of boxes.
//!
//! ESP-DL decodes boxes on the CPU: its postprocessors read the values before decoding by fixed names
//! (`vision/detect/*_postprocessor.cpp`, `models/yolo26/yolo26.cpp`).
//! Never: quantization, files, words for a user.

mod decode;
mod found_boxes;
mod head;
mod recognize;

pub use decode::{Detector, Reading};
pub use found_boxes::{FoundBoxes, SCORE};
pub use head::{Extra, Family, Head, Level, Named};
pub use recognize::recognize;
