//! Value of `model.outputs` and `model.inputs`: names of values or layers, as a list or a table of new names.

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use crate::order;
use crate::text::Span;

use super::config::{EndName, EndNames, Spanned};
use super::problem::ProblemKind;
use super::reader::{Place, Reader};
use super::values::{Toml, Value, quoted};

fn named(value: &Toml) -> Option<Spanned<String>> {
    String::parse(value).map(|name| Spanned { value: name, span: value.span() })
}

impl Value for EndNames {
    fn expected() -> String {
        "a list of names of values or layers ([\"/head/Conv\"]), or a table that gives each a new name ({ box0 = \"/head/Conv\" })"
            .to_string()
    }

    fn parse(value: &Toml) -> Option<EndNames> {
        let mut ends: Vec<EndName> = match value.get_ref() {
            DeValue::String(_) => vec![EndName { at: named(value)?, name: None }],
            DeValue::Array(items) => {
                items.iter().map(|item| Some(EndName { at: named(item)?, name: None })).collect::<Option<_>>()?
            }
            DeValue::Table(table) => {
                let end = |(key, value): (&toml::Spanned<_>, &Toml)| {
                    let name: &std::borrow::Cow<str> = key.get_ref();
                    (!name.is_empty()).then(|| Some(EndName { at: named(value)?, name: Some(name.to_string()) }))?
                };
                table.iter().map(end).collect::<Option<_>>()?
            }
            _ => return None,
        };
        // A table is in the order of its keys; that of the text counts.
        order::sort_by_key(&mut ends, |end| end.at.span.start);
        (!ends.is_empty()).then_some(EndNames(ends))
    }

    fn read(reader: &mut Reader, place: &Place, value: &Toml) -> Option<EndNames> {
        let Some(ends) = EndNames::parse(value) else {
            reader.invalid(place, value.span(), &EndNames::expected());
            return None;
        };
        for (at, end) in ends.0.iter().enumerate() {
            if ends.0[..at].iter().any(|earlier| earlier.at.value == end.at.value) {
                let message = format!("`{}` is in `{}` twice", end.at.value, place.path);
                let problem = reader.add(ProblemKind::InvalidValue, place, end.at.span.clone(), message);
                problem.help = Some("remove one of them".to_string());
                return None;
            }
        }
        Some(ends)
    }

    fn write(&self) -> String {
        let end = |end: &EndName| match &end.name {
            None => quoted(&end.at.value),
            Some(name) => format!("{} = {}", quoted(name), quoted(&end.at.value)),
        };
        let ends: Vec<String> = self.0.iter().map(end).collect();
        match self.0.iter().any(|end| end.name.is_some()) {
            true => format!("{{ {} }}", ends.join(", ")),
            false => format!("[{}]", ends.join(", ")),
        }
    }

    fn json_schema() -> Json {
        let name = String::json_schema();
        json!({ "anyOf": [
            name,
            { "type": "array", "items": name, "minItems": 1, "uniqueItems": true },
            { "type": "object", "additionalProperties": name, "minProperties": 1 },
        ]})
    }

    fn span_within(&self, path: &str) -> Option<Span> {
        let at = path.strip_prefix('"')?.strip_suffix('"')?;
        self.0.iter().find(|end| end.at.value == at).map(|end| end.at.span.clone())
    }
}
