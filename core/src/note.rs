//! Note: one sentence about a change by espq, or a difference from what the user or esp-ppq would expect.
//!
//! Never: errors; a note does not stop the work.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::units::and_more;

/// Sentence about a change or a difference, for the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Layers of the note, which the text does not name.
    pub layers: Vec<String>,
    /// Sentence without its layers and without a full stop.
    pub text: String,
}

impl Note {
    /// Makes a note on the whole model, its inputs or its samples.
    pub fn new(text: impl Into<String>) -> Note {
        Note { layers: Vec::new(), text: text.into() }
    }

    /// Makes a note on a single layer.
    pub fn of_layer(layer: impl Into<String>, text: impl Into<String>) -> Note {
        Note { layers: vec![layer.into()], text: text.into() }
    }
}

/// Formats notes with their layers, in their order.
pub fn sentences(notes: &[Note]) -> Vec<String> {
    notes.iter().map(Note::to_string).collect()
}

impl fmt::Display for Note {
    /// Formats the note with its layers: "/a/Relu and 2 more: ..."
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layers.is_empty() {
            true => f.write_str(&self.text),
            false => write!(f, "{}: {}", and_more(&self.layers, 1), self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_the_first_layer_and_counts_the_others() {
        let many = Note { layers: ["/a", "/b", "/c"].map(String::from).to_vec(), text: "is new".to_string() };
        let notes = [Note::new("all is well"), Note::of_layer("/a", "is new"), many];
        assert_eq!(sentences(&notes), ["all is well", "/a: is new", "/a and 2 more: is new"]);
    }
}
