//! What a node says about itself, without a token.

mod health;
mod leader;
mod seal;

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde::de::DeserializeOwned;
use snapline_http::Kind;

use crate::{Address, Client, Error, words};

pub use leader::Leader;
pub use seal::Seal;

use health::Health;

/// What a node is to its cluster.
#[derive(Debug, Clone)]
pub enum Standing {
    /// It leads, and serves requests.
    Active,
    /// It stands by, and redirects or forwards requests.
    Standby,
    /// It stands by, and serves reads itself (Enterprise).
    PerformanceStandby,
    /// It stands by, and does not reach the node that leads.
    CutOff,
    /// Its cluster is the disaster recovery secondary of another one, and serves nothing (Enterprise).
    DisasterRecovery,
    /// It has no keys, and serves nothing.
    Sealed,
    /// It has no storage yet: nobody has initialised it, and it has not joined.
    Uninitialized,
    /// Its cluster has removed it.
    Removed,
    /// It did not say: why.
    Silent(Error),
}

/// A node as it is now.
#[derive(Debug, Clone)]
pub struct NodeState {
    /// Where it was asked.
    pub address: Address,
    /// What it is to its cluster.
    pub standing: Standing,
    /// Whether it is OpenBao, not Vault, as far as that shows.
    pub is_openbao: bool,
    /// The version of the server, such as `1.21.0`; absent where its listener hides that.
    pub version: Option<String>,
    /// The name of its cluster; absent while it is sealed, and where its listener hides that.
    pub cluster_name: Option<String>,
    /// The id of its cluster; absent while it is sealed.
    pub cluster_id: Option<String>,
    /// How it is sealed and unsealed; absent where it did not say.
    pub seal: Option<Seal>,
    /// Who leads; absent where it did not say, as while it is sealed.
    pub leader: Option<Leader>,
}

impl Client {
    /// The state of the node at every address, each asked once, all at the same time, for at most `limit` each
    /// (`sys/health`, `sys/seal-status`, `sys/leader`).
    ///
    /// A node that applies an archive responds when it is done.
    pub fn nodes(&self, limit: Duration) -> Vec<NodeState> {
        let ask = |address| self.node(address, limit);
        std::thread::scope(|scope| {
            let asked: Vec<_> = self
                .addresses()
                .iter()
                .map(|address| (address, scope.spawn(move || ask(address))))
                .collect();
            asked
                .into_iter()
                .map(|(address, asked)| {
                    asked
                        .join()
                        .unwrap_or_else(|_| NodeState::silent(address.clone(), panicked(address)))
                })
                .collect()
        })
    }

    /// The state of the node at `address`.
    pub fn node(&self, address: &Address, limit: Duration) -> NodeState {
        let health: Health = match self.read(address, "sys/health", limit, |_| true) {
            Ok(health) => health,
            Err(error) => return NodeState::silent(address.clone(), error),
        };
        // These two say more; a node that says only how it is serves as well.
        let seal = self.read(address, "sys/seal-status", limit, StatusCode::is_success);
        let leader = self.read(address, "sys/leader", limit, StatusCode::is_success);
        for error in [seal.as_ref().err(), leader.as_ref().err()].into_iter().flatten() {
            log::debug!("{error}");
        }
        NodeState {
            address: address.clone(),
            standing: health.standing(),
            is_openbao: health.is_openbao(),
            version: text(health.version),
            cluster_name: text(health.cluster_name),
            cluster_id: text(health.cluster_id),
            seal: seal.ok(),
            leader: leader.ok(),
        }
    }

    fn read<T: DeserializeOwned>(
        &self,
        address: &Address,
        path: &str,
        limit: Duration,
        counts: impl FnOnce(&StatusCode) -> bool,
    ) -> Result<T, Error> {
        let (status, reply) = self.ask(address, path, limit)?;
        let read = if counts(&status) {
            serde_json::from_str(&reply).ok()
        } else {
            None
        };
        read.ok_or_else(|| {
            let said = match words::of(&reply, &[]) {
                said if said.is_empty() => String::new(),
                said => format!(": {said}"),
            };
            let message = format!(
                "read the node's state from '{address}': status {} for {path}{said}",
                status.as_u16()
            );
            Error::new(Kind::Unavailable, message).with_hint(Some("does the address name Vault itself?"))
        })
    }
}

impl NodeState {
    const fn silent(address: Address, error: Error) -> Self {
        Self {
            address,
            standing: Standing::Silent(error),
            is_openbao: false,
            version: None,
            cluster_name: None,
            cluster_id: None,
            seal: None,
            leader: None,
        }
    }

    /// Whether it leads, so that a request to it goes nowhere else.
    pub const fn is_active(&self) -> bool {
        matches!(self.standing, Standing::Active)
    }

    /// Whether it has keys and takes part in its cluster.
    pub const fn is_unsealed(&self) -> bool {
        matches!(
            self.standing,
            Standing::Active | Standing::Standby | Standing::PerformanceStandby | Standing::DisasterRecovery
        )
    }
}

/// One line: `active, Vault 1.21.0, cluster 'vault-cluster-1' (id), seal shamir with 3 of 5 shares, index 592`.
impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.standing)?;
        if let Some(version) = &self.version {
            let product = if self.is_openbao { "OpenBao" } else { "Vault" };
            write!(f, ", {product} {version}")?;
        }
        match (&self.cluster_name, &self.cluster_id) {
            (Some(name), Some(id)) => write!(f, ", cluster '{name}' ({id})")?,
            (Some(name), None) => write!(f, ", cluster '{name}'")?,
            (None, Some(id)) => write!(f, ", cluster {id}")?,
            (None, None) => {}
        }
        if let Some(seal) = &self.seal {
            write!(f, ", seal {seal}")?;
        }
        match &self.leader {
            Some(leader) if leader.index() > 0 => write!(f, ", index {}", leader.index()),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::PerformanceStandby => "performance standby",
            Self::CutOff => "standby that does not reach the leader",
            Self::DisasterRecovery => "disaster recovery secondary",
            Self::Sealed => "sealed",
            Self::Uninitialized => "not initialised",
            Self::Removed => "removed from its cluster",
            Self::Silent(_) => "unknown",
        })
    }
}

/// Text of a server on one line; an empty one is hidden by its listener, or unset.
fn text(text: Option<String>) -> Option<String> {
    text.map(|text| words::one_line(&text, &[]))
        .filter(|text| !text.is_empty())
}

fn panicked(address: &Address) -> Error {
    Error::new(
        Kind::Unexpected,
        format!("read the node's state from '{address}': a thread ended early"),
    )
}
