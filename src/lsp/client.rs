//! What the client can do, read once from its `initialize`.

use tower_lsp::lsp_types::InitializeParams;

use crate::text::Encoding;

use super::position;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities {
    pub encoding: Encoding,
    /// Asks for diagnostics itself: then it is given the static ones on request, and only the measured ones unasked.
    pub pulls: bool,
    /// Watches files for the server.
    pub watches: bool,
    /// Shows progress that the server begins.
    pub progress: bool,
    /// Takes edits that name the version of the text that they are for.
    pub versioned_edits: bool,
    /// Takes the edits that a command makes.
    pub applies_edits: bool,
    pub related_information: bool,
    /// Shows code actions as such, not only commands.
    pub code_actions: bool,
    pub markdown: bool,
}

impl Abilities {
    pub fn of(params: &InitializeParams) -> Abilities {
        let capabilities = &params.capabilities;
        let (text, workspace) = (capabilities.text_document.as_ref(), capabilities.workspace.as_ref());
        let general = capabilities.general.as_ref();
        let window = capabilities.window.as_ref();
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
            code_actions: text
                .and_then(|t| t.code_action.as_ref())
                .is_some_and(|a| a.code_action_literal_support.is_some()),
            markdown: text
                .and_then(|t| t.hover.as_ref())
                .and_then(|h| h.content_format.as_ref())
                .is_none_or(|formats| formats.contains(&tower_lsp::lsp_types::MarkupKind::Markdown)),
        }
    }
}
