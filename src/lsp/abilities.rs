//! Capabilities of the client, read once from its `initialize` request.
//!
//! A dozen of several hundred fields are of interest, so they are taken from the JSON, without the structs of the protocol.
//! One of an unexpected type counts as absent.

use lsp_types::{InitializeResult, request};
use serde_json::Value;

use crate::text::Encoding;

use super::position;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities {
    pub encoding: Encoding,
    /// The client pulls diagnostics: it requests the static ones, and only the measured ones are published.
    pub pulls: bool,
    /// The client watches files for the server.
    pub watches: bool,
    /// The client shows progress that the server begins.
    pub progress: bool,
    /// The client accepts edits with the version of their text.
    pub versioned_edits: bool,
    /// The client applies edits made by a command.
    pub applies_edits: bool,
    pub related_information: bool,
    /// The client resolves an action's edit when the user picks it.
    pub resolves_edits: bool,
    /// The client then accepts another title, too.
    pub resolves_titles: bool,
    pub markdown: bool,
    /// The client requests hints again when it is told to.
    pub refreshes_hints: bool,
    /// The client requests lenses again when it is told to.
    pub refreshes_lenses: bool,
    /// The client shows a list of layers, and is told when it changes.
    pub lists_layers: bool,
    /// The client links a diagnostic's code to a page.
    pub links_codes: bool,
    /// The client has a page for each rule.
    pub has_rule_pages: bool,
    /// The client has the commands of the lenses that need one, and the one that selects a placeholder.
    pub has_commands: bool,
    /// The client answers requests for settings.
    pub configures: bool,
    /// The client tells changes of settings only to those who register for them.
    pub registers_settings: bool,
}

/// Request `initialize`, whose parameters stay JSON.
pub enum Initialize {}

impl request::Request for Initialize {
    type Params = Value;
    type Result = InitializeResult;
    const METHOD: &'static str = "initialize";
}

impl Abilities {
    /// Reads the capabilities within the parameters of `initialize`.
    pub fn of(capabilities: &Value) -> Abilities {
        let is = |pointer: &str| capabilities.pointer(pointer) == Some(&Value::Bool(true));
        let list = |pointer: &str| capabilities.pointer(pointer).and_then(Value::as_array);
        let lists = |pointer: &str, name: &str| list(pointer).map(|names| names.iter().any(|known| known == name));
        let resolves = |property| lists("/textDocument/codeAction/resolveSupport/properties", property) == Some(true);
        Abilities {
            encoding: position::negotiate(list("/general/positionEncodings").map_or(&[], Vec::as_slice)),
            pulls: capabilities.pointer("/textDocument/diagnostic").is_some_and(Value::is_object),
            watches: is("/workspace/didChangeWatchedFiles/dynamicRegistration"),
            progress: is("/window/workDoneProgress"),
            versioned_edits: is("/workspace/workspaceEdit/documentChanges"),
            applies_edits: is("/workspace/applyEdit"),
            related_information: is("/textDocument/publishDiagnostics/relatedInformation"),
            resolves_edits: resolves("edit"),
            resolves_titles: resolves("title"),
            refreshes_hints: is("/workspace/inlayHint/refreshSupport"),
            refreshes_lenses: is("/workspace/codeLens/refreshSupport"),
            lists_layers: is("/experimental/layerList"),
            links_codes: is("/textDocument/publishDiagnostics/codeDescriptionSupport"),
            has_rule_pages: is("/experimental/rulePages"),
            has_commands: is("/experimental/commands"),
            configures: is("/workspace/configuration"),
            registers_settings: is("/workspace/didChangeConfiguration/dynamicRegistration"),
            markdown: lists("/textDocument/hover/contentFormat", "markdown").unwrap_or(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn capabilities_are_read_and_those_of_another_type_are_absent() {
        let text = json!({
            "codeAction": { "resolveSupport": { "properties": ["edit"] } },
            "diagnostic": {},
            "hover": { "contentFormat": ["plaintext"] },
        });
        let read = Abilities::of(&json!({
            "general": { "positionEncodings": ["utf-8"] },
            "textDocument": text,
            "workspace": { "applyEdit": true, "configuration": "yes", "codeLens": null },
            "experimental": { "layerList": true, "commands": false },
        }));
        let expected = Abilities {
            encoding: crate::text::Encoding::Utf8,
            pulls: true,
            resolves_edits: true,
            applies_edits: true,
            lists_layers: true,
            ..Abilities::default()
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn hovers_are_markdown_unless_the_client_says_otherwise() {
        assert_eq!(Abilities::of(&json!({})), Abilities { markdown: true, ..Abilities::default() });
    }
}
