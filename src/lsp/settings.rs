//! Settings that the editor hands to the server: those below `espq`.

use lsp_types::request::{RegisterCapability, WorkspaceConfiguration};
use lsp_types::{ConfigurationItem, ConfigurationParams, Registration, RegistrationParams};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::abilities::Abilities;
use super::client::{Client, Level};
use super::progress::ANSWER;
use super::state::Event;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    pub analyze: When,
    pub log: Level,
}

/// Events after which the network is run. The text, the model and the samples are checked after each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum When {
    /// Every edit, and changes of files.
    #[default]
    Type,
    /// Opening and saving, and changes of files.
    Save,
    /// The command `espq.analyze`.
    Manual,
}

impl Settings {
    /// Reads settings; those that are missing have their default. Also returns what cannot be read.
    pub fn of(settings: &Value) -> (Settings, Vec<String>) {
        let mut wrong = Vec::new();
        let analyze = [("type", When::Type), ("save", When::Save), ("manual", When::Manual)];
        let read = Settings {
            analyze: word(&settings["analyze"], "espq.analyze", &analyze, &mut wrong),
            log: word(&settings["logLevel"], "espq.logLevel", &Level::ALL, &mut wrong),
        };
        (read, wrong)
    }
}

fn word<T: Copy + Default>(value: &Value, name: &str, words: &[(&str, T)], wrong: &mut Vec<String>) -> T {
    if value.is_null() {
        return T::default();
    }
    let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
    found.map(|(_, meant)| *meant).unwrap_or_else(|| {
        let known: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        wrong.push(format!("the setting {name} is {value}, but can only be {}; the default applies", known.join(", ")));
        T::default()
    })
}

/// Settings within what an editor sends: the whole, or what is below `espq`.
pub fn section(settings: &Value) -> &Value {
    settings.get("espq").unwrap_or(settings)
}

/// Requests to be told about changes, from clients that tell only those who register.
pub async fn register(client: Client) {
    let registration = Registration {
        id: "espq-settings".to_string(),
        method: "workspace/didChangeConfiguration".to_string(),
        register_options: Some(serde_json::json!({ "section": "espq" })),
    };
    let params = RegistrationParams { registrations: vec![registration] };
    // If the client refuses, the settings of its start remain.
    let _ = tokio::time::timeout(ANSWER, client.request::<RegisterCapability>(params)).await;
}

/// Requests the settings, if the client answers such requests.
pub async fn request(client: Client, abilities: Abilities, events: UnboundedSender<Event>) {
    if !abilities.configures {
        return;
    }
    let items = vec![ConfigurationItem { scope_uri: None, section: Some("espq".to_string()) }];
    let asked = client.request::<WorkspaceConfiguration>(ConfigurationParams { items });
    if let Ok(Ok(answered)) = tokio::time::timeout(ANSWER, asked).await
        && let Some(settings) = answered.into_iter().next()
    {
        // The state task ends only with the runtime.
        let _ = events.send(Event::Configured(settings));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_read_and_wrong_ones_are_named() {
        let (read, wrong) = Settings::of(&json!({ "analyze": "save", "logLevel": "debug", "path": "x" }));
        assert_eq!((read, wrong.len()), (Settings { analyze: When::Save, log: Level::Debug }, 0));
        let (read, wrong) = Settings::of(&json!({ "analyze": "never", "logLevel": null }));
        assert_eq!(read, Settings::default());
        assert_eq!(
            wrong,
            [
                "the setting espq.analyze is \"never\", but can only be \"type\", \"save\", \"manual\"; the default applies"
            ]
        );
        assert_eq!(Settings::of(&Value::Null).0, Settings::default());
        assert_eq!(section(&json!({ "espq": { "analyze": "save" } }))["analyze"], "save");
    }
}
