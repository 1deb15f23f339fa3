//! Values of `espq.toml` that are one of a few words, with the meaning of each.

use std::fmt::Debug;

use serde_json::{Value as Json, json};

use crate::chip::{Family, Method, NodeOrder, Scheme, Storage, Target};
use crate::samples::{Channels, Fit, Layout};
use crate::text::list;

use super::config::Observer;
use super::reader::{Place, Reader};
use super::values::{Choice, Toml, Value, quoted};

/// Type with a name for each of its values.
pub trait Word: Copy + Debug + 'static {
    /// All values, the most common one first.
    const WORDS: &'static [Self];
    /// Returns the word that the user writes.
    fn word(self) -> &'static str;
    /// Returns the meaning, for completion.
    fn doc(self) -> &'static str;
}

impl<T: Word> Value for T {
    fn expected() -> String {
        list(T::WORDS.iter().map(|w| w.word()))
    }

    fn parse(value: &Toml) -> Option<T> {
        let text = value.get_ref().as_str()?;
        T::WORDS.iter().copied().find(|w| w.word() == text)
    }

    fn write(&self) -> String {
        quoted(self.word())
    }

    fn json_schema() -> Json {
        json!({ "type": "string", "enum": T::WORDS.iter().map(|w| w.word()).collect::<Vec<_>>() })
    }

    fn choices() -> Vec<Choice> {
        T::WORDS.iter().map(|w| Choice { text: w.write(), doc: w.doc() }).collect()
    }

    fn read(reader: &mut Reader, place: &Place, value: &Toml) -> Option<T> {
        let parsed = T::parse(value);
        if parsed.is_none() {
            match value.get_ref().as_str() {
                Some(text) => reader.unknown_word(place, value.span(), text, T::WORDS.iter().map(|w| w.word())),
                None => reader.invalid(place, value.span(), &T::expected()),
            }
        }
        parsed
    }
}

impl Word for Target {
    const WORDS: &'static [Target] = Target::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn doc(self) -> &'static str {
        match self.family() {
            Family::P4 => "Per-channel weight scales; ties round to even.",
            Family::S3 => "Per-tensor scales; ties round up; biases of 20 bits at int8.",
            Family::C => "ESP-DL's portable code: per-tensor scales; ties round up.",
        }
    }
}

impl Word for NodeOrder {
    const WORDS: &'static [NodeOrder] = NodeOrder::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn doc(self) -> &'static str {
        match self {
            NodeOrder::Ppq => "The order of esp-ppq.",
            NodeOrder::Smallest => {
                "The order, and copies of outputs, with which values take the smallest arena that a bounded search finds."
            }
        }
    }
}

impl Word for Storage {
    const WORDS: &'static [Storage] = Storage::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn doc(self) -> &'static str {
        match self {
            Storage::Partition => {
                "A flash partition of its own; parameters are copied to RAM unless `param-copy` is off."
            }
            Storage::Rodata => {
                "Part of the app's image in flash; parameters are copied to RAM unless `param-copy` is off."
            }
            Storage::Sdcard => "A file on an SD card, all of which is read into RAM.",
        }
    }
}

impl Word for Fit {
    const WORDS: &'static [Fit] = &[Fit::Letterbox];

    fn word(self) -> &'static str {
        "letterbox"
    }

    fn doc(self) -> &'static str {
        "Resize to the largest size within the input, with gray 114 around it, as YOLO networks and ESP-DL's detectors do."
    }
}

impl Word for Scheme {
    const WORDS: &'static [Scheme] = Scheme::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn doc(self) -> &'static str {
        match self {
            Scheme::Int8 => "8-bit weights and activations.",
            Scheme::Int16 => "16-bit weights and activations: twice the flash, about twice the time.",
            Scheme::W8A16 => "8-bit weights, 16-bit activations. ESP-DL has no kernels for it yet.",
            Scheme::Float => "Not quantized.",
        }
    }
}

impl Word for Method {
    const WORDS: &'static [Method] = Method::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn doc(self) -> &'static str {
        match self {
            Method::Kl => "Range with the smallest Kullback-Leibler divergence; esp-ppq's choice at int8.",
            Method::MinMax => "Whole observed range; esp-ppq's choice at 16 bits.",
            Method::Percentile => "Range without the outermost values.",
            Method::Mse => "Range with the smallest squared error.",
        }
    }
}

impl Word for Observer {
    const WORDS: &'static [Observer] = Observer::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn doc(self) -> &'static str {
        match self.method() {
            None => "Measures all observers and takes the one with the least error of the outputs.",
            Some(method) => method.doc(),
        }
    }
}

impl Word for Channels {
    const WORDS: &'static [Channels] = &[Channels::Rgb, Channels::Bgr, Channels::Gray];

    fn word(self) -> &'static str {
        match self {
            Channels::Rgb => "rgb",
            Channels::Bgr => "bgr",
            Channels::Gray => "gray",
        }
    }

    fn doc(self) -> &'static str {
        match self {
            Channels::Rgb => "Red first.",
            Channels::Bgr => "Blue first.",
            Channels::Gray => "One channel.",
        }
    }
}

impl Word for Layout {
    const WORDS: &'static [Layout] = &[Layout::Nchw, Layout::Nhwc];

    fn word(self) -> &'static str {
        match self {
            Layout::Nchw => "nchw",
            Layout::Nhwc => "nhwc",
        }
    }

    fn doc(self) -> &'static str {
        match self {
            Layout::Nchw => "Channels before height and width.",
            Layout::Nhwc => "Channels after height and width.",
        }
    }
}
