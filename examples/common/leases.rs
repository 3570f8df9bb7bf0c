//! Lists of leases, as etcd and its users print them. One bad element never stops the others.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The key and the value of a lease. Neither is looked at: any text may be in them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseText {
    pub key: String,
    pub value: String,
}

/// An element of a list that is not a key with a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ElementError {
    /// The number of the element in the list, from 1.
    pub number: usize,
    /// Its key, if that could be read.
    pub key: Option<String>,
    /// What is wrong with it.
    pub fault: String,
}

impl fmt::Display for ElementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, key, fault } = self;
        match key {
            Some(key) => write!(f, "lease {number} ({key}): {fault}"),
            None => write!(f, "lease {number}: {fault}"),
        }
    }
}

impl std::error::Error for ElementError {}

/// A text that is not a list of leases.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotLeases(String);

impl fmt::Display for NotLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forms = r#"[{"key":..,"value":..}], an etcd v2 {"node":..} or what `etcdctl get --prefix -w json` prints"#;
        write!(f, "not a list of leases: {}: expected {forms}", self.0)
    }
}

impl std::error::Error for NotLeases {}

/// Reads a list of leases:
///
/// * `[{"key":"10.5.2.0-24","value":{..}}]`, where the value may be a string of JSON;
/// * the answer of etcd v2, `{"action":"get","node":{"nodes":[{"key":"..","value":".."}]}}`;
/// * the answer of `etcdctl get --prefix -w json`, `{"header":{..},"kvs":[{"key":"..","value":".."}]}`,
///   where key and value are base64.
///
/// An entry of etcd whose key ends in `/config` is the network's configuration, and is left out.
pub fn read(text: &str) -> Result<Vec<Result<LeaseText, ElementError>>, NotLeases> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('[') {
        let elements: Vec<&RawValue> = parse(text)?;
        return Ok(numbered(elements.into_iter(), plain));
    }
    match parse(text)? {
        Answer { kvs: Some(kvs), .. } => Ok(numbered(kvs.into_iter(), decode)),
        Answer { node: Some(node), .. } => Ok(numbered(leaves(node).into_iter(), plain)),
        // etcd leaves out a list of nothing.
        Answer { header: Some(_), .. } => Ok(Vec::new()),
        _ => Err(NotLeases("an object without kvs or node".into())),
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, NotLeases> {
    serde_json::from_str(text).map_err(|error| NotLeases(error.to_string()))
}

/// The answer of either version of etcd.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    header: Option<&'a RawValue>,
    #[serde(borrow)]
    kvs: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    node: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Directory<'a> {
    #[serde(default)]
    dir: bool,
    #[serde(borrow)]
    nodes: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

/// Directories of etcd v2 within each other. Flannel's are two: its prefix and `subnets`.
const MAX_DEPTH: usize = 16;

/// The entries of a directory of etcd v2 and of those in it, in the order written. What is nested
/// deeper than `MAX_DEPTH` counts as an entry, and is none.
fn leaves(node: &RawValue) -> Vec<&RawValue> {
    let mut leaves = Vec::new();
    let mut open = vec![(0, node)];
    while let Some((depth, node)) = open.pop() {
        match serde_json::from_str(node.get()) {
            Ok(Directory { nodes: Some(nodes), .. }) if depth < MAX_DEPTH => {
                open.extend(nodes.into_iter().rev().map(|node| (depth + 1, node)));
            }
            Ok(Directory { dir: true, nodes: None }) => {}
            _ => leaves.push(node),
        }
    }
    leaves
}

/// What `text` makes of the strings in each element.
fn numbered<'a>(
    elements: impl Iterator<Item = &'a RawValue>,
    text: fn(&RawValue) -> Result<String, String>,
) -> Vec<Result<LeaseText, ElementError>> {
    let leases = (1..).zip(elements).map(|(number, json)| {
        let mut key = None;
        lease(json, text, &mut key).map_err(|fault| ElementError { number, key, fault })
    });
    leases.filter(|lease| !lease.as_ref().is_ok_and(is_config)).collect()
}

fn is_config(lease: &LeaseText) -> bool {
    lease.key.ends_with("/config")
}

/// `seen` is the key, whatever is wrong with the value.
fn lease(
    json: &RawValue,
    text: fn(&RawValue) -> Result<String, String>,
    seen: &mut Option<String>,
) -> Result<LeaseText, String> {
    // Serde reads a struct from an array, too.
    if !json.get().starts_with('{') {
        return Err("not an object with a key and a value".into());
    }
    let Entry { key, value } =
        serde_json::from_str(json.get()).map_err(|error| error.to_string())?;
    let key = key.filter(|key| key.get().starts_with('"')).ok_or("no key that is a string")?;
    let key = text(key).map_err(|error| format!("key: {error}"))?;
    *seen = Some(key.clone());
    let value = value.ok_or("no value")?;
    let value = text(value).map_err(|error| format!("value: {error}"))?;
    Ok(LeaseText { key, value })
}

/// The content of a string; any other value as it was written.
fn plain(json: &RawValue) -> Result<String, String> {
    if json.get().starts_with('"') {
        return serde_json::from_str(json.get()).map_err(|error| error.to_string());
    }
    Ok(json.get().to_owned())
}

/// The text that a string of base64 stands for.
fn decode(json: &RawValue) -> Result<String, String> {
    let base64: String = serde_json::from_str(json.get()).map_err(|error| error.to_string())?;
    let bytes = STANDARD.decode(base64).map_err(|error| format!("not base64: {error}"))?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}
