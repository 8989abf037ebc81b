//! `GET sys/leader`.

use serde::Deserialize;

/// Who leads a cluster, as one of its nodes knows it. OpenBao leaves out what is empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Leader {
    /// Whether there can be more nodes than one.
    #[serde(default)]
    pub ha_enabled: bool,
    /// Whether it is the node that was asked.
    #[serde(default)]
    pub is_self: bool,
    /// The leader's `api_addr`; empty while no node leads, and where the listener hides it.
    #[serde(default)]
    pub leader_address: String,
    #[serde(default)]
    raft_committed_index: u64,
    #[serde(default)]
    raft_applied_index: u64,
}

impl Leader {
    /// The last entry of the Raft log that the node has applied; 0 where it did not say.
    pub const fn index(&self) -> u64 {
        self.raft_applied_index
    }

    /// The last entry of the Raft log that it knows to be on most nodes; 0 where it did not say.
    pub const fn committed(&self) -> u64 {
        self.raft_committed_index
    }
}
