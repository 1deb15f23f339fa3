//! Capabilities of the client, read once from its `initialize` request.

use lsp_types::InitializeParams;

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

impl Abilities {
    pub fn of(params: &InitializeParams) -> Abilities {
        let capabilities = &params.capabilities;
        let (text, workspace) = (capabilities.text_document.as_ref(), capabilities.workspace.as_ref());
        let general = capabilities.general.as_ref();
        let window = capabilities.window.as_ref();
        let resolved = text.and_then(|t| t.code_action.as_ref()).and_then(|a| a.resolve_support.as_ref());
        let resolves = |property: &str| resolved.is_some_and(|r| r.properties.iter().any(|name| name == property));
        let experimental = capabilities.experimental.as_ref();
        let own = |name: &str| experimental.is_some_and(|own| own[name] == serde_json::Value::Bool(true));
        Abilities {
            encoding: position::negotiate(general.and_then(|g| g.position_encodings.as_deref())),
            pulls: text.is_some_and(|t| t.diagnostic.is_some()),
            watches: workspace
                .and_then(|w| w.did_change_watched_files.as_ref())
                .is_some_and(|w| w.dynamic_registration == Some(true)),
            progress: window.is_some_and(|w| w.work_done_progress == Some(true)),
            versioned_edits: workspace
                .and_then(|w| w.workspace_edit.as_ref())
                .is_some_and(|e| e.document_changes == Some(true)),
            applies_edits: workspace.is_some_and(|w| w.apply_edit == Some(true)),
            related_information: text
                .and_then(|t| t.publish_diagnostics.as_ref())
                .is_some_and(|d| d.related_information == Some(true)),
            resolves_edits: resolves("edit"),
            resolves_titles: resolves("title"),
            refreshes_hints: workspace
                .and_then(|w| w.inlay_hint.as_ref())
                .is_some_and(|hint| hint.refresh_support == Some(true)),
            refreshes_lenses: workspace
                .and_then(|w| w.code_lens.as_ref())
                .is_some_and(|lens| lens.refresh_support == Some(true)),
            lists_layers: own("layerList"),
            links_codes: text
                .and_then(|t| t.publish_diagnostics.as_ref())
                .is_some_and(|d| d.code_description_support == Some(true)),
            has_rule_pages: own("rulePages"),
            has_commands: own("commands"),
            configures: workspace.is_some_and(|w| w.configuration == Some(true)),
            registers_settings: workspace
                .and_then(|w| w.did_change_configuration)
                .is_some_and(|d| d.dynamic_registration == Some(true)),
            markdown: text
                .and_then(|t| t.hover.as_ref())
                .and_then(|h| h.content_format.as_ref())
                .is_none_or(|formats| formats.contains(&lsp_types::MarkupKind::Markdown)),
        }
    }
}
