//! `meta.json`: what a snapshot says about itself.

use serde::Deserialize;

use crate::error::{Error, quote};

/// The metadata of a snapshot, from its `meta.json`: hashicorp/raft's `SnapshotMeta`, under its Go field names.
///
/// Known as soon as that member has passed, within the first KiB of the archives that servers write; proven only by
/// the verdict on the whole archive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meta {
    /// The version of the format, always 1.
    pub version: u64,
    /// The name of the snapshot. Vault and OpenBao write the constant `bolt-snapshot`, so it identifies nothing.
    pub id: String,
    /// The Raft index that the snapshot covers. It only grows within a cluster, and is greater than 0.
    pub index: u64,
    /// The Raft term of that index, greater than 0.
    pub term: u64,
    /// The length of `state.bin` in bytes.
    pub size: u64,
    /// The servers of the cluster at that index, at least one.
    pub servers: Vec<Server>,
    /// The Raft index at which this set of servers was written.
    pub configuration_index: u64,
}

/// One server of the cluster that the snapshot is from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Server {
    /// Whether it has a vote.
    #[serde(rename = "Suffrage", default)]
    pub suffrage: Suffrage,
    /// Its Raft node id.
    #[serde(rename = "ID", default)]
    pub id: String,
    /// Its cluster address, `host:port`.
    #[serde(rename = "Address", default)]
    pub address: String,
}

/// The part that a server plays in elections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "u64")]
#[non_exhaustive]
pub enum Suffrage {
    /// It votes.
    #[default]
    Voter,
    /// It only receives the log.
    Nonvoter,
    /// It is on its way to become a voter.
    Staging,
    /// A number that hashicorp/raft did not know when this was written.
    Other(u64),
}

impl From<u64> for Suffrage {
    fn from(number: u64) -> Self {
        match number {
            0 => Self::Voter,
            1 => Self::Nonvoter,
            2 => Self::Staging,
            other => Self::Other(other),
        }
    }
}

impl Meta {
    /// Parses and checks the whole member; gate V3 but for the comparison with `state.bin`.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Error> {
        let raw: Raw = serde_json::from_slice(json).map_err(|err| implausible(&err.to_string()))?;
        let servers = raw
            .configuration
            .and_then(|configuration| configuration.servers)
            .unwrap_or_default();
        let meta = Self {
            version: raw.version,
            id: raw.id,
            index: raw.index,
            term: raw.term,
            size: raw.size,
            servers,
            configuration_index: raw.configuration_index,
        };
        match meta {
            Self {
                version: 1,
                index: 1..,
                term: 1..,
                ..
            } if !meta.servers.is_empty() => Ok(meta),
            Self {
                version: 1,
                index: 1..,
                term: 1..,
                ..
            } => Err(implausible("it lists no server")),
            Self {
                version: 1, index: 1.., ..
            } => Err(implausible("its term is 0")),
            Self { version: 1, .. } => Err(implausible("its index is 0")),
            Self { version, .. } => Err(implausible(&format!("its version is {version}, not 1"))),
        }
    }
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "Version")]
    version: u64,
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Index")]
    index: u64,
    #[serde(rename = "Term")]
    term: u64,
    #[serde(rename = "Size")]
    size: u64,
    #[serde(rename = "Configuration")]
    configuration: Option<Configuration>,
    #[serde(rename = "ConfigurationIndex", default)]
    configuration_index: u64,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(rename = "Servers")]
    servers: Option<Vec<Server>>,
}

fn implausible(reason: &str) -> Error {
    Error::Meta {
        reason: quote(reason.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"Version":1,"ID":"bolt-snapshot","Index":592,"Term":3,"Peers":null,"Configuration":{"Servers":[{"Suffrage":0,"ID":"vault-0","Address":"vault-0:8201"},{"Suffrage":7,"ID":"vault-1","Address":"vault-1:8201"}]},"ConfigurationIndex":12,"Size":449106}"#;

    #[test]
    fn every_field_is_read() {
        let meta = Meta::parse(format!("{GOOD}\n").as_bytes()).unwrap();
        assert_eq!(
            (meta.version, meta.id.as_str(), meta.index, meta.term),
            (1, "bolt-snapshot", 592, 3)
        );
        assert_eq!(
            (meta.size, meta.configuration_index, meta.servers.len()),
            (449_106, 12, 2)
        );
        assert_eq!(meta.servers[0].suffrage, Suffrage::Voter);
        assert_eq!(meta.servers[1].suffrage, Suffrage::Other(7));
        assert_eq!(
            (meta.servers[1].id.as_str(), meta.servers[1].address.as_str()),
            ("vault-1", "vault-1:8201")
        );
    }

    #[test]
    fn implausible_values_are_refused() {
        let changes = [
            (r#""Version":1"#, r#""Version":0"#),
            (r#""Version":1"#, r#""Version":2"#),
            (r#""Index":592"#, r#""Index":0"#),
            (r#""Index":592"#, r#""Index":-1"#),
            (r#""Index":592,"#, ""),
            (r#""Term":3"#, r#""Term":0"#),
            (r#""Size":449106"#, r#""Size":-1"#),
            (r#""Size":449106"#, r#""Size":"449106""#),
            (r#""Size":449106}"#, r#""Size":449106"#),
            (r#""Size":449106}"#, r#""Size":449106}{}"#),
        ];
        for (from, to) in changes {
            let json = GOOD.replace(from, to);
            assert!(
                matches!(Meta::parse(json.as_bytes()), Err(Error::Meta { .. })),
                "{json}"
            );
        }
        let start = GOOD.find(r#"{"Servers"#).unwrap();
        let end = GOOD.find(r#","ConfigurationIndex"#).unwrap();
        for configuration in ["null", "{}", r#"{"Servers":null}"#, r#"{"Servers":[]}"#] {
            let json = format!("{}{configuration}{}", &GOOD[..start], &GOOD[end..]);
            assert_eq!(
                Meta::parse(json.as_bytes()),
                Err(implausible("it lists no server")),
                "{json}"
            );
        }
        assert!(Meta::parse(b"").is_err());
        assert!(Meta::parse(b"null").is_err());
    }
}
