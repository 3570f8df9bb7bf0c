//! The manual: chapters without code, on the rules that the code obeys and why it is as it is.
#![forbid(unsafe_code)]

pub mod differences;
pub mod embedding;
pub mod flannel;
pub mod others;
pub mod performance;
pub mod wire;
