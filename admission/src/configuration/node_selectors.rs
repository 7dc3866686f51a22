//! `PodNodeSelector`: a default selector, and which labels the pods of a namespace may select by.

use std::collections::BTreeMap;

use portcullis_api::{ErrorList, FieldError, Path, name};
use serde::Deserialize;
use serde_json::Value;

use super::checked;

const DEFAULT: &str = "clusterDefaultNodeSelector";

/// Labels of nodes.
pub(crate) type Labels = BTreeMap<String, String>;

/// Selectors by namespace, and one for namespaces without an annotation.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeSelectors(BTreeMap<String, Labels>);

impl NodeSelectors {
    /// The selector of namespaces without an annotation.
    pub(crate) fn default_selector(&self) -> Labels {
        self.0.get(DEFAULT).cloned().unwrap_or_default()
    }

    /// The labels that pods of a namespace may select by; `None` for any.
    pub(crate) fn allowed(&self, namespace: &str) -> Option<&Labels> {
        self.0.get(namespace).filter(|labels| !labels.is_empty())
    }
}

/// It has no version; what else is in it is of no use, as upstream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    pod_node_selector_plugin_config: BTreeMap<String, String>,
}

/// Reads a `podNodeSelectorPluginConfig`.
pub(super) fn read(document: Value) -> Result<NodeSelectors, String> {
    let document: Document = serde_json::from_value(document).map_err(|why| why.to_string())?;
    let (mut selectors, mut errors) = (BTreeMap::new(), ErrorList::new());
    let path = Path::new("podNodeSelectorPluginConfig");
    for (namespace, text) in document.pod_node_selector_plugin_config {
        match parse(&text) {
            Ok(labels) => drop(selectors.insert(namespace, labels)),
            Err(why) => errors.push(FieldError::invalid(&path.key(&namespace), &text, why)),
        }
    }
    checked(NodeSelectors(selectors), &errors)
}

/// `a=b,c=d` (upstream: `labels.ConvertSelectorToLabelsMap`).
pub(crate) fn parse(text: &str) -> Result<Labels, String> {
    let mut labels = Labels::new();
    if text.is_empty() {
        return Ok(labels);
    }
    for label in text.split(',') {
        let parts: Vec<_> = label.split('=').collect();
        let [key, value] = parts.as_slice() else {
            return Err(format!("invalid selector: [{}]", parts.join(" ")));
        };
        let (key, value) = (key.trim(), value.trim());
        let errors = [name::qualified_name(key), name::label_value(value)].concat();
        if !errors.is_empty() {
            return Err(format!("invalid selector {label:?}: {}", errors.join("; ")));
        }
        labels.insert(key.to_owned(), value.to_owned());
    }
    Ok(labels)
}
