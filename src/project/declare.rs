//! Declarations in [`super::keys`]: a table is a struct, a key is one of its fields with attributes.
//!
//! Never: names of keys, which belong to `keys.rs`.

use std::fmt::Write as _;

use toml::de::DeValue;

use crate::text::{Span, list};

use super::config::Spanned;
use super::reader::{Place, Reader};
use super::values::{Choice, Value};

/// Table or key of `espq.toml`.
pub struct Key {
    /// Name as the user writes it, without its table.
    pub name: &'static str,
    /// Lines of the doc comment, each with its leading space.
    pub lines: &'static str,
    /// Kind of values, or the keys of a table.
    pub form: fn() -> Form,
    /// Default as TOML; `None` if it depends on the model, or if nothing happens without the key.
    pub default: Option<fn() -> String>,
    /// Condition under which the key is required.
    pub required: Required,
    /// Value as TOML, for help and for lines that `espq init` comments out.
    pub example: &'static str,
    /// Source of completions for the value.
    pub offers: Offers,
    /// Manner in which `espq init` writes the key.
    pub init: Init,
    /// Stage whose cached results the value decides.
    pub stage: Stage,
}

impl Key {
    /// Key without attributes, the base of declarations.
    pub const PLAIN: Key = Key {
        name: "",
        lines: "",
        form: || Form::Table(&[]),
        default: None,
        required: Required::No,
        example: "",
        offers: Offers::Choices,
        init: Init::Skip,
        stage: Stage::None,
    };

    /// Returns the doc comment as one text.
    pub fn doc(&self) -> &'static str {
        self.lines.trim_start()
    }

    /// Returns the doc with the words that the key accepts.
    pub fn meaning(&self) -> String {
        let words = match (self.form)() {
            Form::Layers { choices, .. } if !choices.is_empty() => choices,
            Form::Value { json_schema, choices } if json_schema.get("enum").is_some() => choices,
            _ => return self.doc().to_string(),
        };
        format!("{} One of {}.", self.doc(), list(words.iter().map(|word| word.text.trim_matches('"'))))
    }
}

/// Values that a key accepts.
pub enum Form {
    /// Table with these keys.
    Table(&'static [Key]),
    /// Table whose keys are names of layers, each with a value of one type; `choices` are its words, if there are any.
    Layers { json_schema: serde_json::Value, choices: Vec<Choice> },
    /// Value of one type; `choices` are the accepted words, if there are any.
    Value { json_schema: serde_json::Value, choices: Vec<Choice> },
}

/// Condition under which a missing key is a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// Optional.
    No,
    /// Required.
    Yes,
    /// Required if this other key, by its dotted name, is missing.
    Unless(&'static str),
}

/// Completion of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offers {
    /// Words that the type accepts.
    Choices,
    /// Model files of any format that espq reads.
    Models,
    /// Files with one of these endings.
    Files(&'static [&'static str]),
    /// Codes of lint rules.
    Rules,
    /// Names of values and layers at which the network can be cut.
    Ends,
}

/// Form of a key in the file that `espq init` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// Not written.
    Skip,
    /// Written with its default.
    Default,
    /// Written with its example, which serves a new project better than the default.
    Example,
    /// Written with a value from the model; left out if there is none.
    Model,
}

/// Stage whose cached result depends on the value of the key itself, as opposed to the content of a file that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// No cached result: the key names a file that is hashed, or applies to results.
    None,
    /// The model with its shapes.
    Model,
    /// Samples as tensors.
    Samples,
    /// Plan and scales: the value is part of [`crate::quant::Settings`], all of which is in the keys.
    Settings,
    /// Error of each layer.
    Analysis,
    /// Results on labelled samples.
    Accuracy,
}

/// Field of a table's struct.
pub trait Field {
    /// Kind of values that the field takes.
    fn form() -> Form
    where
        Self: Sized;

    /// Stores the value, or adds a problem and leaves the field unchanged.
    fn read(&mut self, reader: &mut Reader, place: &Place, value: &toml::Spanned<DeValue>);

    /// Returns the span of the value, or with a path, of the part that the path names. `None` if the text does not
    /// contain it.
    fn span_of(&self, path: &str) -> Option<Span>;

    /// Appends the values that belong to a stage, under their names.
    fn identity(&self, key: &Key, stage: Stage, text: &mut String);

    /// Returns `true` if the value is `true`.
    fn is_on(&self) -> bool {
        false
    }
}

/// Table of `espq.toml`; [`table!`] implements it from a declaration.
pub trait Table {
    /// The declared keys, in order.
    const KEYS: &'static [Key];

    /// Fields in the order of `KEYS`.
    fn fields(&self) -> Vec<&dyn Field>;
    /// Fields in the order of `KEYS`.
    fn fields_mut(&mut self) -> Vec<&mut dyn Field>;
}

impl<T: Table> Field for T {
    fn form() -> Form {
        Form::Table(T::KEYS)
    }

    fn read(&mut self, reader: &mut Reader, place: &Place, value: &toml::Spanned<DeValue>) {
        for (inner, value) in reader.table(place, value) {
            match T::KEYS.iter().zip(self.fields_mut()).find(|(key, _)| key.name == inner.text) {
                Some((_, field)) => field.read(reader, &inner, value),
                None => reader.unknown(&inner, place, T::KEYS),
            }
        }
    }

    fn span_of(&self, path: &str) -> Option<Span> {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        let (_, field) = T::KEYS.iter().zip(self.fields()).find(|(key, _)| key.name == name)?;
        field.span_of(rest)
    }

    fn identity(&self, _: &Key, stage: Stage, text: &mut String) {
        for (key, field) in T::KEYS.iter().zip(self.fields()) {
            field.identity(key, stage, text);
        }
    }
}

/// Value of a key with its span; `None` if it is missing or invalid.
pub type Given<T> = Option<Spanned<T>>;

impl<T: Value> Field for Given<T> {
    fn form() -> Form {
        Form::Value { json_schema: T::json_schema(), choices: T::choices() }
    }

    fn read(&mut self, reader: &mut Reader, place: &Place, value: &toml::Spanned<DeValue>) {
        *self = T::read(reader, place, value).map(|read| Spanned { value: read, span: value.span() });
    }

    fn span_of(&self, path: &str) -> Option<Span> {
        let given = self.as_ref()?;
        match path {
            // Values from the command line have no span.
            "" => Some(given.span.clone()).filter(|span| !span.is_empty()),
            _ => given.value.span_within(path),
        }
    }

    fn identity(&self, key: &Key, stage: Stage, text: &mut String) {
        if let Some(given) = self.as_ref().filter(|_| key.stage == stage) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} = {:?}", key.name, given.value);
        }
    }

    fn is_on(&self) -> bool {
        self.as_ref().is_some_and(|given| given.value.is_on())
    }
}

/// Key with a default: [`table!`] gives it a method of its name.
pub trait Defaulted {
    /// Type of the default.
    type Value;
    /// Returns the value; the default if the key is missing or invalid.
    fn value_or(&self, default: Self::Value) -> Self::Value;
}

impl<T: Copy> Defaulted for Given<T> {
    type Value = T;

    fn value_or(&self, default: T) -> T {
        self.as_ref().map_or(default, |given| given.value)
    }
}

/// Declares a table: its struct, its [`Key`]s, and a method for each key that has a default.
///
/// `#[key("name", attribute = value)]` sets fields of [`Key`]; the doc comment is shown by hover, completion, the JSON
/// Schema, the README and `espq init`.
macro_rules! table {
    ($table:ident {
        $(
            $(#[doc = $line:literal])+
            #[key($name:literal $(, $attribute:ident = $set:expr)*)]
            $field:ident: $type:ty $(= $default:expr)?,
        )+
    }) => {
        /// Values of one table of `espq.toml`, each with its span in the text.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $table {
            $($(#[doc = $line])+ pub $field: $type,)+
        }

        impl Table for $table {
            const KEYS: &'static [Key] = &[$(Key {
                name: $name,
                lines: concat!($($line),+),
                form: <$type as Field>::form,
                $(default: Some(|| Value::write(&$default)),)?
                $($attribute: $set,)*
                ..Key::PLAIN
            }),+];

            fn fields(&self) -> Vec<&dyn Field> {
                vec![$(&self.$field),+]
            }

            fn fields_mut(&mut self) -> Vec<&mut dyn Field> {
                vec![$(&mut self.$field),+]
            }
        }

        impl $table {
            $($(
                /// The value, or the default.
                pub fn $field(&self) -> <$type as Defaulted>::Value {
                    self.$field.value_or($default)
                }
            )?)+
        }
    };
}

pub(super) use table;
