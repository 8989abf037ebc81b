//! What became of a restore.
//!
//! Vault and OpenBao apply an archive after they have responded. Meanwhile they hold a lock that every question about their
//! state waits for, five seconds at least (`RestoreSnapshot` in Vault's `physical/raft`). Then a node whose keys open the
//! restored keyring goes on, and any other seals itself. The index tells whether a node has it: `raft.Restore` puts the restored
//! data behind all that the log held, and behind the archive's own index.

use std::time::{Duration, Instant};

use snapline_archive::card::Card;
use snapline_cli::{Failure, Kind, summary};
use snapline_vault::{Client, Leader, NodeState, Standing};

use crate::plan::revived;
use crate::target::{LIMIT, Target};

/// Between two looks at the nodes.
const PAUSE: Duration = Duration::from_millis(500);

/// A restore that a server has taken, or may have taken.
#[derive(Debug)]
pub(crate) struct Aftermath<'a> {
    /// What was restored.
    pub(crate) card: &'a Card,
    /// What the nodes were before.
    pub(crate) target: &'a Target,
}

impl Aftermath<'_> {
    /// Looks at the nodes until each has said what became of it, at most for `limit`, and says it.
    ///
    /// # Errors
    /// 69 if a node has not said by then, with its name.
    pub(crate) fn watch(&self, client: &Client, limit: Duration) -> Result<(), Failure> {
        let end = Instant::now() + limit;
        let mut is_calm = false;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let nodes = client.nodes(left.clamp(Duration::from_secs(1), LIMIT));
            let open = self.unsettled(&nodes);
            // A response that has waited for the lock may be half of the time before it: sealed is looked at before the lock,
            // standby after it. So twice.
            let is_over = open.is_empty() && std::mem::replace(&mut is_calm, open.is_empty());
            if is_over || Instant::now() + PAUSE >= end {
                for node in &nodes {
                    summary(&format!("'{}': {}", node.address, self.words(node)), &[]);
                }
                return self.verdict(&open, limit);
            }
            for node in open {
                log::info!("'{}': {node}", node.address);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The nodes that may still change because of the restore.
    fn unsettled<'n>(&self, nodes: &'n [NodeState]) -> Vec<&'n NodeState> {
        let has_leader = nodes.iter().any(NodeState::is_active);
        let is_open = |node: &&NodeState| !self.is_settled(node) || (node.is_unsealed() && !has_leader);
        nodes.iter().filter(is_open).collect()
    }

    /// Whether the node will not change any more because of the restore.
    fn is_settled(&self, node: &NodeState) -> bool {
        match &node.standing {
            Standing::Sealed | Standing::Uninitialized | Standing::Removed => true,
            // It was no part of this.
            Standing::Silent(_) => self
                .before(node)
                .is_some_and(|node| matches!(node.standing, Standing::Silent(_))),
            Standing::Active | Standing::Standby | Standing::PerformanceStandby | Standing::DisasterRecovery => {
                self.has_it(node)
            }
            Standing::CutOff => false,
        }
    }

    /// Whether the node has applied the archive; one that tells no index, and never did, is believed.
    fn has_it(&self, node: &NodeState) -> bool {
        match node.leader.as_ref().map_or(0, Leader::index) {
            0 => node.leader.is_some() && self.target.index() == 0,
            index => index > self.target.index().max(self.card.raft.index),
        }
    }

    fn before(&self, node: &NodeState) -> Option<&NodeState> {
        self.target.nodes.iter().find(|before| before.address == node.address)
    }

    fn words(&self, node: &NodeState) -> String {
        match &node.standing {
            Standing::Silent(error) => error.to_string(),
            Standing::Sealed => format!("sealed: {}", self.keys(node)),
            Standing::Removed => {
                "removed: it has reached the cluster that the archive came from, which does not know it; empty its \
                                  storage, and let it join again"
                    .to_owned()
            }
            Standing::Uninitialized => "not initialised: it is no part of this".to_owned(),
            standing if self.has_it(node) => format!("{standing}: it has the restored data"),
            standing => format!(
                "{standing}: it does not have the restored data; if that stays so, it holds the old keys: restart it"
            ),
        }
    }

    /// What unseals a sealed node.
    fn keys(&self, node: &NodeState) -> String {
        let Some(seal) = &self.card.seal else {
            return "it needs the keys of the cluster that the archive came from".to_owned();
        };
        if !seal.is_shamir() {
            return format!(
                "restart it with the seal '{}' of the cluster that the archive came from in its configuration",
                seal.kind
            );
        }
        let known = node.seal.as_ref().filter(|known| known.kind == seal.kind);
        let restart = match known.map(|known| (known.threshold, known.shares)) {
            Some(counts) if counts == (seal.threshold, seal.shares) => String::new(),
            // The configuration of the seal is read once, when the server starts: until then the keys are refused.
            Some((threshold, shares)) => {
                format!("restart it (it still expects {threshold} of {shares} keys), then ")
            }
            None => "restart it, then ".to_owned(),
        };
        format!(
            "{restart}unseal it with {} of the {} unseal keys of the cluster that the archive came from",
            seal.threshold, seal.shares
        )
    }

    fn verdict(&self, open: &[&NodeState], limit: Duration) -> Result<(), Failure> {
        if open.is_empty() {
            summary(&revived(self.card), &[]);
            return Ok(());
        }
        let names: Vec<String> = open.iter().map(|node| format!("'{}'", node.address)).collect();
        let message = format!(
            "wait for the restored cluster: {} did not say within {} s what became of it",
            names.join(", "),
            limit.as_secs()
        );
        Err(Failure::says(Kind::Unavailable, message)
            .hint("the log of the server says how far it is; a large archive takes longer than --wait"))
    }
}
