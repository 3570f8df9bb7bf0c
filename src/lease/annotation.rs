//! The annotations of a Kubernetes node that carry its lease, where flannel has no etcd of its own
//! (flannel `pkg/subnet/kube/annotations.go`).

use core::fmt;

use crate::subnet::is;

/// The beginning of the names of a node's annotations: a domain of at least two labels, and a name
/// of the cluster's choice.
///
/// # Examples
///
/// ```
/// use vtep::lease::{Annotation, AnnotationPrefix};
///
/// let key = AnnotationPrefix::default().key(Annotation::BackendType);
/// assert_eq!(key.to_string(), "flannel.alpha.coreos.com/backend-type");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AnnotationPrefix<'a> {
    domain: &'a str,
    name: &'a str,
}

/// The part of a text by which it is not a prefix of annotations.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum AnnotationPrefixError {
    /// The text before the `/`, if there is one, is not a domain of two labels or more, each of
    /// lower case letters, digits, `-` and `_`.
    Domain,
    /// The text after the `/` has other characters than lower case letters, digits, `-` and `_`.
    Name,
}

impl fmt::Display for AnnotationPrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Domain => "annotation prefix: no domain in lower case with a dot in it",
            Self::Name => "annotation prefix: after '/' not only a-z, 0-9, '-' and '_'",
        })
    }
}

impl core::error::Error for AnnotationPrefixError {}

impl<'a> AnnotationPrefix<'a> {
    /// Parses a prefix: `domain` or `domain/name`.
    ///
    /// # Errors
    /// Kubernetes does not accept it.
    pub fn parse(text: &'a str) -> Result<Self, AnnotationPrefixError> {
        let (domain, name) = text.split_once(is('/')).unwrap_or((text, ""));
        let mut labels = domain.split(is('.'));
        if !domain.contains(is('.')) || !labels.all(|label| !label.is_empty() && is_plain(label)) {
            return Err(AnnotationPrefixError::Domain);
        }
        if !is_plain(name) {
            return Err(AnnotationPrefixError::Name);
        }
        Ok(Self { domain, name })
    }

    /// Returns the whole name of an annotation.
    #[must_use]
    pub fn key(self, annotation: Annotation) -> impl fmt::Display + use<'a> {
        AnnotationKey { prefix: self, annotation }
    }
}

impl Default for AnnotationPrefix<'_> {
    /// `flannel.alpha.coreos.com`.
    fn default() -> Self {
        Self { domain: "flannel.alpha.coreos.com", name: "" }
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

/// An annotation of a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Annotation {
    /// `backend-data`: [`LeaseValue::backend_data`](super::LeaseValue::backend_data).
    BackendData,
    /// `backend-v6-data`: [`LeaseValue::backend_v6_data`](super::LeaseValue::backend_v6_data).
    BackendV6Data,
    /// `backend-type`: [`LeaseValue::backend_type`](super::LeaseValue::backend_type).
    BackendType,
    /// `public-ip`: [`LeaseValue::public_ip`](super::LeaseValue::public_ip).
    PublicIp,
    /// `public-ipv6`: [`LeaseValue::public_ipv6`](super::LeaseValue::public_ipv6).
    PublicIpv6,
    /// `public-ip-overwrite`: an address to be used in place of the one found.
    PublicIpOverwrite,
    /// `public-ipv6-overwrite`: an address to be used in place of the one found.
    PublicIpv6Overwrite,
    /// `node-public-ip`: an address of the node that it cannot find itself.
    NodePublicIp,
    /// `node-public-ipv6`: an address of the node that it cannot find itself.
    NodePublicIpv6,
    /// `kube-subnet-manager`: `true` on a node that flannel serves.
    KubeSubnetManager,
}

impl Annotation {
    /// The name without the prefix.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BackendData => "backend-data",
            Self::BackendV6Data => "backend-v6-data",
            Self::BackendType => "backend-type",
            Self::PublicIp => "public-ip",
            Self::PublicIpv6 => "public-ipv6",
            Self::PublicIpOverwrite => "public-ip-overwrite",
            Self::PublicIpv6Overwrite => "public-ipv6-overwrite",
            Self::NodePublicIp => "node-public-ip",
            Self::NodePublicIpv6 => "node-public-ipv6",
            Self::KubeSubnetManager => "kube-subnet-manager",
        }
    }
}

struct AnnotationKey<'a> {
    prefix: AnnotationPrefix<'a>,
    annotation: Annotation,
}

impl fmt::Display for AnnotationKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AnnotationPrefix { domain, name } = self.prefix;
        let separator = if name.is_empty() || name.ends_with('-') { "" } else { "-" };
        write!(f, "{domain}/{name}{separator}{}", self.annotation.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    /// flannel `pkg/subnet/kube/annotations_test.go`.
    #[test]
    fn flannels_annotations() {
        for (prefix, key) in [
            ("flannel.alpha.coreos.com", "flannel.alpha.coreos.com/backend-type"),
            ("flannel.alpha.coreos.com/", "flannel.alpha.coreos.com/backend-type"),
            ("flannel.alpha.coreos.com/prefix", "flannel.alpha.coreos.com/prefix-backend-type"),
            ("flannel.alpha.coreos.com/prefix-", "flannel.alpha.coreos.com/prefix-backend-type"),
        ] {
            let prefix = AnnotationPrefix::parse(prefix).unwrap();
            assert_eq!(prefix.key(Annotation::BackendType).to_string(), key);
        }
        for (prefix, error) in [
            ("org", AnnotationPrefixError::Domain),
            ("org/", AnnotationPrefixError::Domain),
            ("org/prefix", AnnotationPrefixError::Domain),
            ("org.COM", AnnotationPrefixError::Domain),
            ("org.com/PREFIX", AnnotationPrefixError::Name),
            ("org.com/a/b", AnnotationPrefixError::Name),
            ("", AnnotationPrefixError::Domain),
            ("org..com", AnnotationPrefixError::Domain),
        ] {
            assert_eq!(AnnotationPrefix::parse(prefix), Err(error), "{prefix:?}");
        }
    }
}
